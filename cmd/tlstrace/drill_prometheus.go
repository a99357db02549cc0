package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/tlstrace/tlstrace/sink"
)

// promAPI asks a Prometheus, or what answers like one.
type promAPI struct {
	url       string
	tokenFile string
	client    *http.Client
}

// newPrometheus takes the URL below which its API is.
func newPrometheus(address, tokenFile string, client *http.Client) (promAPI, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return promAPI{}, fmt.Errorf("--prometheus: %q is no URL, such as http://prometheus:9090", shown(address))
	}
	return promAPI{strings.TrimSuffix(address, "/"), tokenFile, client}, nil
}

// sample is a series of an answer. Its value is not looked at: an expression of an alert is true where there is one.
type sample struct {
	Metric map[string]string `json:"metric"`
}

// activeAlert is an alert that is pending or firing.
type activeAlert struct {
	Labels map[string]string `json:"labels"`
	State  string            `json:"state"`
}

// loadedRule is a rule that is evaluated.
type loadedRule struct {
	Name      string `json:"name"`
	Health    string `json:"health"`
	LastError string `json:"lastError"`
}

func (p promAPI) query(ctx context.Context, expr string) ([]sample, error) {
	var answer struct {
		Result []sample `json:"result"`
	}
	err := p.get(ctx, "/api/v1/query", url.Values{"query": {expr}}, &answer)
	return answer.Result, err
}

func (p promAPI) alerts(ctx context.Context) ([]activeAlert, error) {
	var answer struct {
		Alerts []activeAlert `json:"alerts"`
	}
	err := p.get(ctx, "/api/v1/alerts", nil, &answer)
	return answer.Alerts, err
}

// rules returns what is evaluated, by name.
func (p promAPI) rules(ctx context.Context) (map[string]loadedRule, error) {
	var answer struct {
		Groups []struct {
			Rules []loadedRule `json:"rules"`
		} `json:"groups"`
	}
	err := p.get(ctx, "/api/v1/rules", nil, &answer)
	all := map[string]loadedRule{}
	for _, g := range answer.Groups {
		for _, r := range g.Rules {
			all[r.Name] = r
		}
	}
	return all, err
}

// maxAPI bounds an answer in bytes.
const maxAPI = 32 << 20

func (p promAPI) get(ctx context.Context, path string, query url.Values, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	if p.tokenFile != "" {
		token, err := os.ReadFile(p.tokenFile)
		if err != nil {
			return fmt.Errorf("--prometheus-token-file: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	response, err := p.client.Do(request)
	if err != nil {
		return fmt.Errorf("asking Prometheus: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAPI))
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	switch {
	case err != nil:
		return fmt.Errorf("asking Prometheus: %s answers %s, and no JSON", shown(p.url+path), response.Status)
	case answer.Status != "success":
		return errors.New("Prometheus says: " + sink.Escape(answer.Error, 200))
	}
	return json.Unmarshal(answer.Data, into)
}
