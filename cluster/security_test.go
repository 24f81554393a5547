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
	"github.com/twmb/franz-go/pkg/kfake"

	kafka "github.com/dot-do/kafka-embedded"
	"github.com/dot-do/kafka-embedded/engine"
)

// certificate makes a certificate for 127.0.0.1 that signs itself, and the file that says so.
func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kafka"}, NotBefore: time.Unix(0, 0),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
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

func TestSASL(t *testing.T) {
	config, ca := certificate(t)
	for _, mechanism := range []string{"plain", "scram-sha-256", "scram-sha-512"} {
		t.Run(mechanism, func(t *testing.T) {
			url := fakeURL(t, kfake.TLS(config), kfake.EnableSASL(), kfake.Superuser(strings.ToUpper(mechanism), "me", "hunter2:@/"))
			settings := "?tls=true&sasl=" + mechanism + "&ca=" + ca
			brokers := strings.TrimPrefix(url, "kafka://")
			require.NoError(t, sendOne(t, kafka.WithURL("kafka://me:hunter2%3A%40%2F@"+brokers+settings)))
			require.NoError(t, sendOne(t, kafka.WithURL("kafka://"+brokers+settings), kafka.WithAPIKey("me:hunter2:@/")))

			var logged bytes.Buffer
			logger := kafka.WithLogger(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
			wrong := kafka.WithURL("kafka://me:hunter3@" + brokers + settings)
			err := sendOne(t, wrong, logger)
			require.ErrorContains(t, err, "credentials")
			require.ErrorIs(t, err, kafka.ErrDisconnected, "kfake hangs up where Kafka says SASL_AUTHENTICATION_FAILED")
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err)+logged.String(), "hunter")

			err = sendOne(t, kafka.WithURL("kafka://"+brokers+"?tls=true&ca="+ca), logger)
			require.ErrorIs(t, err, kafka.ErrDisconnected, "without credentials the broker hangs up")
			require.ErrorContains(t, err, "credentials")
		})
	}
}

func TestTLS(t *testing.T) {
	config, ca := certificate(t)
	brokers := strings.TrimPrefix(fakeURL(t, kfake.TLS(config)), "kafka://")
	require.NoError(t, sendOne(t, kafka.WithURL("kafkas://"+brokers+"?ca="+ca)))
	for _, tc := range []struct {
		name, url string
		code      engine.Code
		want      string
	}{
		{"an authority that is not trusted", "kafka+ssl://" + brokers, kafka.ErrUnauthorized, "ca=FILE"},
		{"no TLS where there is", "kafka://" + brokers, kafka.ErrDisconnected, "tls=true"},
		{"no file", "kafkas://" + brokers + "?ca=nowhere.pem", kafka.ErrInvalidArgument, "nowhere.pem"},
		{"no pair", "kafkas://" + brokers + "?cert=nowhere.pem&key=nowhere.pem", kafka.ErrInvalidArgument, "certificate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := sendOne(t, kafka.WithURL(tc.url))
			require.ErrorIs(t, err, tc.code)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// KAFKA_DO_API_KEY may be there for something else.
func TestEmbeddedIgnoresAPIKey(t *testing.T) {
	require.NoError(t, sendOne(t, kafka.WithInMemory(), kafka.WithAPIKey("not of the form")))
}
