package cluster

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/dot-do/kafka-embedded/engine"
)

// address is what a URL says: where the cluster is, and how to get in.
type address struct {
	seeds    []string // host:port
	user     string
	secret   string
	sasl     string // plain, scram-sha-256, scram-sha-512, or empty for none
	tls      bool
	ca       string // files
	crt, key string
}

// Format implements fmt.Formatter: whatever the verb, credentials do not show.
func (a address) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "kafka://"+strings.Join(a.seeds, ","))
}

const defaultPort = "9092"

// parseURL understands a URL; see the package's documentation. APIKey is used when the URL has no credentials. Errors
// tell what is wrong without the parts that may hold a secret.
func parseURL(text, apiKey string) (*address, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	a := &address{tls: scheme == "kafkas" || scheme == "kafka+ssl"}
	// A secret may hold any character that somebody forgot to encode: all up to the last @ is taken for credentials.
	credentials := apiKey
	inURL := false
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		credentials, rest, inURL = rest[:at], rest[at+1:], true
	}
	hosts, query, _ := strings.Cut(rest, "?")
	if err := a.parseHosts(strings.TrimSuffix(hosts, "/")); err != nil {
		return nil, err
	}
	if err := a.parseQuery(query); err != nil {
		return nil, err
	}
	return a, a.parseCredentials(credentials, inURL)
}

func (a *address) parseHosts(hosts string) error {
	for host := range strings.SplitSeq(hosts, ",") {
		name, port, err := net.SplitHostPort(host)
		if err != nil {
			name, port = strings.Trim(host, "[]"), defaultPort
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || name == "" || strings.ContainsAny(name, "/ ") {
			return engine.Errorf(engine.ErrInvalidArgument, "%q is no broker's address: write kafka://host:port,host:port", host)
		}
		a.seeds = append(a.seeds, net.JoinHostPort(name, port))
	}
	return nil
}

func (a *address) parseQuery(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return engine.Errorf(engine.ErrInvalidArgument, "what follows the ? of the URL cannot be read: write ?name=value&name=value")
	}
	for name, all := range values {
		value := all[len(all)-1]
		switch name {
		case "sasl":
			a.sasl = strings.ToLower(value)
		case "tls":
			on, err := strconv.ParseBool(value)
			if err != nil {
				return engine.Errorf(engine.ErrInvalidArgument, "tls=%s: write true or false", value)
			}
			a.tls = a.tls || on
		case "ca":
			a.ca = value
		case "cert":
			a.crt = value
		case "key":
			a.key = value
		default:
			return engine.Errorf(engine.ErrInvalidArgument, "the URL has no setting %q: there are sasl, tls, ca, cert and key", name)
		}
	}
	switch {
	case !a.tls && (a.ca != "" || a.crt != "" || a.key != ""):
		return engine.Errorf(engine.ErrInvalidArgument, "ca, cert and key are for TLS: add tls=true")
	case (a.crt == "") != (a.key == ""):
		return engine.Errorf(engine.ErrInvalidArgument, "cert and key go together: give both or none")
	}
	return nil
}

func (a *address) parseCredentials(credentials string, inURL bool) error {
	if credentials == "" {
		if a.sasl != "" {
			return engine.Errorf(engine.ErrInvalidArgument, "sasl=%s needs credentials: write kafka://user:secret@host, "+
				"or give user:secret with WithAPIKey or KAFKA_DO_API_KEY", a.sasl)
		}
		return nil
	}
	user, password, ok := strings.Cut(credentials, ":")
	if ok && inURL {
		var badUser, badPassword error
		user, badUser = url.PathUnescape(user)
		password, badPassword = url.PathUnescape(password)
		ok = badUser == nil && badPassword == nil
	}
	if !ok || user == "" {
		return engine.Errorf(engine.ErrInvalidArgument, "credentials for a cluster have the form user:secret; "+
			"in a URL %% and other special characters in them are percent-encoded")
	}
	a.user, a.secret = user, password
	if a.sasl == "" {
		a.sasl = saslPlain
	}
	return a.checkSASL()
}
