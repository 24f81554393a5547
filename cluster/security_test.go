package cluster

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
	"github.com/dot-do/kafka-embedded/internal/brokertest"
)

// certificate makes a certificate for 127.0.0.1 that signs itself, as a server has it, and files with it alone, to be
// trusted, and with its key.
func certificate(t *testing.T) (config *tls.Config, ca, pair string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kafka"}, NotBefore: time.Unix(0, 0),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	trusted := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	ca, pair = filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "pair.pem")
	require.NoError(t, os.WriteFile(ca, trusted, 0o600))
	both := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), trusted...)
	require.NoError(t, os.WriteFile(pair, both, 0o600))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, ca, pair
}

// secured is where a cluster can be reached by those that trust its authority or know the password of the user "me".
type secured struct {
	ca          string
	tls         string            // host:port
	sasl        map[string]string // by mechanism, without TLS
	saslTLS     map[string]string
	unauthorize engine.Code // what comes of a wrong password
}

// password has what URLs give another meaning to.
const password = "hunter2:@/"

var mechanisms = []string{"plain", "scram-sha-256", "scram-sha-512"}

// newSecured starts clusters in this process, or a real broker, where there is a script for that.
func newSecured(t *testing.T) secured {
	config, ca, pair := certificate(t)
	if brokertest.Script() != "" {
		return securedBroker(t, ca, pair)
	}
	hosts := func(opts ...kfake.Opt) string { return strings.TrimPrefix(fakeURL(t, opts...), "kafka://") }
	s := secured{
		ca: ca, tls: hosts(kfake.TLS(config)), sasl: map[string]string{}, saslTLS: map[string]string{},
		unauthorize: engine.ErrDisconnected, // it hangs up where Kafka says SASL_AUTHENTICATION_FAILED
	}
	for _, m := range mechanisms {
		user := kfake.Superuser(strings.ToUpper(m), "me", password)
		s.sasl[m] = hosts(kfake.EnableSASL(), user)
		s.saslTLS[m] = hosts(kfake.EnableSASL(), user, kfake.TLS(config))
	}
	return s
}

// securedBroker starts a broker that listens in all ways.
func securedBroker(t *testing.T, ca, pair string) secured {
	port := brokertest.Ports(t, 5)
	settings := []string{
		fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d,SASL_SSL://127.0.0.1:%d,"+
			"SASL_PLAINTEXT://127.0.0.1:%d,SSL://127.0.0.1:%d", port, port+1, port+2, port+3, port+4),
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL," +
			"SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL",
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"ssl.keystore.type=PEM", "ssl.keystore.location=" + pair,
	}
	const modules = "org.apache.kafka.common.security."
	for _, listener := range []string{"sasl_ssl", "sasl_plaintext"} {
		prefix := "listener.name." + listener
		settings = append(settings,
			fmt.Sprintf(`%s.plain.sasl.jaas.config=%splain.PlainLoginModule required user_me="%s";`, prefix, modules, password))
		for _, m := range mechanisms[1:] {
			settings = append(settings, fmt.Sprintf("%s.%s.sasl.jaas.config=%sscram.ScramLoginModule required;", prefix, m, modules))
		}
	}
	b := brokertest.New(t, port, settings...)
	b.Start()
	b.Await()
	admin, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	require.NoError(t, err)
	defer admin.Close()
	for _, m := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} {
		altered, err := kadm.NewClient(admin).AlterUserSCRAMs(t.Context(), nil, []kadm.UpsertSCRAM{
			{User: "me", Mechanism: m, Iterations: 4096, Password: password},
		})
		require.NoError(t, errors.Join(err, altered.Error()))
	}
	at := func(n int) string { return fmt.Sprint("127.0.0.1:", port+n) }
	s := secured{ca: ca, tls: at(4), sasl: map[string]string{}, saslTLS: map[string]string{}, unauthorize: engine.ErrUnauthorized}
	for _, m := range mechanisms {
		s.saslTLS[m], s.sasl[m] = at(2), at(3)
	}
	return s
}

// sendOne opens a client and sends and reads one message.
func sendOne(t *testing.T, opts ...kafka.Option) error {
	t.Helper()
	client, err := kafka.NewClient(t.Context(), append(opts, kafka.WithTimeout(10*time.Second))...)
	if err != nil {
		return err
	}
	defer func() { require.NoError(t, client.Close()) }()
	if err := client.Producer("orders").Send(t.Context(), kafka.Message{Value: "a"}); err != nil {
		return err
	}
	consumer := client.Consumer("orders", "", kafka.WithUntilEnd())
	for m := range consumer.Messages(t.Context()) {
		require.Equal(t, "a", m.Value)
	}
	return consumer.Err()
}

func TestSecurity(t *testing.T) {
	s := newSecured(t)
	t.Run("TLS", func(t *testing.T) { testTLS(t, s) })
	for _, mechanism := range mechanisms {
		t.Run(mechanism, func(t *testing.T) {
			testSASL(t, s, s.sasl[mechanism]+"?sasl="+mechanism)
		})
		t.Run(mechanism+" with TLS", func(t *testing.T) {
			hosts := s.saslTLS[mechanism]
			testSASL(t, s, hosts+"?tls=true&sasl="+mechanism+"&ca="+s.ca)
			err := sendOne(t, kafka.WithURL("kafkas://"+hosts+"?sasl="+mechanism), kafka.WithAPIKey("me:"+password))
			require.ErrorIs(t, err, kafka.ErrUnauthorized)
			require.ErrorContains(t, err, "ca=FILE")
			requireNoSecret(t, err)
		})
	}
}

// testSASL gets in in all ways that there are to tell a secret, and not without.
func testSASL(t *testing.T, s secured, address string) {
	require.NoError(t, sendOne(t, kafka.WithURL("kafka://me:hunter2%3A%40%2F@"+address)))
	url := kafka.WithURL("kafka://" + address)
	require.NoError(t, sendOne(t, url, kafka.WithAPIKey("me:"+password)))

	var logged bytes.Buffer
	logger := kafka.WithLogger(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for _, wrong := range []kafka.Option{kafka.WithURL("kafka://me:hunter3@" + address), kafka.WithURL("kafka://you:hunter2@" + address)} {
		err := sendOne(t, wrong, logger)
		require.ErrorIs(t, err, s.unauthorize)
		require.ErrorContains(t, err, "credentials")
		requireNoSecret(t, err)
	}
	bare, _, _ := strings.Cut(address, "?")
	if strings.Contains(address, "tls=true") {
		bare += "?tls=true&ca=" + s.ca
	}
	err := sendOne(t, kafka.WithURL("kafka://"+bare), logger)
	require.ErrorIs(t, err, kafka.ErrDisconnected, "without credentials the broker hangs up")
	require.ErrorContains(t, err, "credentials")
	require.NotContains(t, logged.String(), "hunter")

	t.Setenv("KAFKA_DO_API_KEY", "me:"+password)
	require.NoError(t, sendOne(t, url))
}

func requireNoSecret(t *testing.T, err error) {
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), "hunter")
}

func testTLS(t *testing.T, s secured) {
	require.NoError(t, sendOne(t, kafka.WithURL("kafkas://"+s.tls+"?ca="+s.ca)))
	_, another, _ := certificate(t)
	for _, tc := range []struct {
		name, url string
		code      engine.Code
		want      string
	}{
		{"an authority that is not trusted", "kafka+ssl://" + s.tls, kafka.ErrUnauthorized, "ca=FILE"},
		{"another one that is", "kafka+ssl://" + s.tls + "?ca=" + another, kafka.ErrUnauthorized, "ca=FILE"},
		{"no TLS where there is", "kafka://" + s.tls, kafka.ErrDisconnected, "tls=true"},
		{"no file", "kafkas://" + s.tls + "?ca=nowhere.pem", kafka.ErrInvalidArgument, "nowhere.pem"},
		{"no pair", "kafkas://" + s.tls + "?cert=nowhere.pem&key=nowhere.pem", kafka.ErrInvalidArgument, "certificate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := sendOne(t, kafka.WithURL(tc.url))
			require.ErrorIs(t, err, tc.code)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// A broker that expects TLS, as Kafka does, says so in TLS before it hangs up.
func TestBrokerSendsAlert(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1<<10))            // what is closed unread would be reset
			_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 10}) // fatal: unexpected message
			_ = c.Close()
		}
	}()
	err = sendOne(t, kafka.WithURL("kafka://"+l.Addr().String()))
	require.ErrorIs(t, err, kafka.ErrDisconnected)
	require.ErrorContains(t, err, "tls=true")
}

// KAFKA_DO_API_KEY may be there for something else.
func TestEmbeddedIgnoresAPIKey(t *testing.T) {
	require.NoError(t, sendOne(t, kafka.WithInMemory(), kafka.WithAPIKey("not of the form")))
}
