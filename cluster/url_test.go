package cluster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dot-do/kafka-embedded/engine"
)

func TestParseURL(t *testing.T) {
	for _, tc := range []struct {
		name, url, apiKey string
		want              address
	}{
		{"a host", "kafka://broker", "", address{seeds: []string{"broker:9092"}}},
		{"a port", "kafka://broker:1234", "", address{seeds: []string{"broker:1234"}}},
		{"several", "kafka://a:1,b,c:3/", "", address{seeds: []string{"a:1", "b:9092", "c:3"}}},
		{"IPv6", "kafka://[::1]:1,[::2]", "", address{seeds: []string{"[::1]:1", "[::2]:9092"}}},
		{"TLS", "kafkas://a", "", address{seeds: []string{"a:9092"}, tls: true}},
		{"TLS, the long way", "kafka+ssl://a", "", address{seeds: []string{"a:9092"}, tls: true}},
		{"TLS with files", "kafka://a?tls=true&ca=ca.pem&cert=c.pem&key=k.pem", "", address{
			seeds: []string{"a:9092"}, tls: true, ca: "ca.pem", crt: "c.pem", key: "k.pem",
		}},
		{"credentials", "kafka://me:pw@a", "", address{seeds: []string{"a:9092"}, user: "me", secret: "pw", sasl: "plain"}},
		{"encoded", "kafka://m%40e:p%3Aw%2F@a:1,b?sasl=SCRAM-SHA-256", "", address{
			seeds: []string{"a:1", "b:9092"}, user: "m@e", secret: "p:w/", sasl: "scram-sha-256",
		}},
		{"a colon and an @ in the secret", "kafka://me:p:w@2@a", "", address{
			seeds: []string{"a:9092"}, user: "me", secret: "p:w@2", sasl: "plain",
		}},
		{"an API key, which is not encoded", "kafka://a?sasl=scram-sha-512", "me:p%41w", address{
			seeds: []string{"a:9092"}, user: "me", secret: "p%41w", sasl: "scram-sha-512",
		}},
		{"the URL's credentials win", "kafka://me:pw@a", "other:key", address{
			seeds: []string{"a:9092"}, user: "me", secret: "pw", sasl: "plain",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := parseURL(tc.url, tc.apiKey)
			require.NoError(t, err)
			require.Equal(t, tc.want, *a)
		})
	}
	for _, tc := range []struct{ name, url, apiKey, want string }{
		{"no host", "kafka://", "", "no broker's address"},
		{"an empty host", "kafka://a,,b", "", "no broker's address"},
		{"no port", "kafka://a:", "", "no broker's address"},
		{"a port too large", "kafka://a:65536", "", "no broker's address"},
		{"a path", "kafka://a/topic", "", "no broker's address"},
		{"an unknown setting", "kafka://a?acks=all", "", `no setting "acks"`},
		{"a query that is none", "kafka://a?sasl=%zz", "", "cannot be read"},
		{"TLS neither on nor off", "kafka://a?tls=maybe", "", "write true or false"},
		{"files without TLS", "kafka://a?ca=x", "", "add tls=true"},
		{"a certificate without a key", "kafkas://a?cert=x", "", "go together"},
		{"a mechanism that there is not", "kafka://me:hunter2@a?sasl=gssapi", "", "there are plain"},
		{"a mechanism without credentials", "kafka://a?sasl=plain", "", "needs credentials"},
		{"a user without a secret", "kafka://hunter2@a", "", "the form user:secret"},
		{"a secret that is badly encoded", "kafka://me:hunter2%@a", "", "percent-encoded"},
		{"an API key of another form", "kafka://a", "hunter2", "the form user:secret"},
		{"credentials and a bad host", "kafka://me:hunter2@a b", "", "no broker's address"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parseURL(tc.url, tc.apiKey)
			require.ErrorIs(t, err, engine.ErrInvalidArgument)
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "hunter2")
		})
	}
}

func TestSecretDoesNotShow(t *testing.T) {
	a, err := parseURL("kafka://me:hunter2@broker:9092", "")
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		require.NotContains(t, fmt.Sprintf(verb, a), "hunter2", verb)
		require.NotContains(t, fmt.Sprintf(verb, a), fmt.Sprintf("%x", "hunter2"), verb)
	}
}

func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{"kafka://a:1,b?sasl=plain", "kafkas://u:p@h", "kafka://[::1", "kafka://%zz:@h?=&=", "://@"} {
		f.Add(seed, "user:secret")
	}
	f.Fuzz(func(t *testing.T, url, apiKey string) {
		a, err := parseURL(url, apiKey)
		if err != nil {
			require.ErrorIs(t, err, engine.ErrInvalidArgument)
			return
		}
		require.NotEmpty(t, a.seeds)
		for _, seed := range a.seeds {
			require.True(t, strings.Contains(seed, ":"), seed)
		}
		require.Equal(t, a.user != "", a.sasl != "")
	})
}
