package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestReadiness(t *testing.T) {
	hooks := map[string]string{"ingress": "cgroup_skb"}
	tests := []struct {
		name    string
		hooks   map[string]string
		cluster bool
		synced  bool
		age     time.Duration
		ending  bool
		ready   bool
		pods    string
	}{
		{"hooks are not attached", nil, false, false, 0, false, false, "off"},
		{"a plain host", hooks, false, false, 0, false, true, "off"},
		{"the pods are not known yet", hooks, true, false, time.Second, false, false, "waiting"},
		{"the pods are known", hooks, true, true, time.Second, false, true, "synced"},
		{"the API server does not answer", hooks, true, false, degradedAfter, false, true, "degraded"},
		{"it is stopping", hooks, true, true, time.Hour, true, false, "synced"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Date(2026, 1, 31, 15, 0, 0, 0, time.UTC)
			h := newHealth(func() time.Time { return now })
			now = now.Add(tt.age)
			if tt.cluster {
				h.synced = func() bool { return tt.synced }
			}
			h.attached(tt.hooks)
			if tt.ending {
				h.stopping()
			}
			answer := httptest.NewRecorder()
			h.ready(answer, nil)
			var got readiness
			if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if got.Ready != tt.ready || got.Pods != tt.pods || (answer.Code == http.StatusOK) != tt.ready {
				t.Errorf("answered %d %s", answer.Code, answer.Body)
			}
			if complete := tt.ready && tt.pods != "degraded"; complete != (len(got.Reasons) == 0) {
				t.Errorf("the reasons are %q", got.Reasons)
			}
		})
	}
}

func TestLiveness(t *testing.T) {
	h := newHealth(time.Now)
	for stuck, want := range map[bool]int{false: http.StatusOK, true: http.StatusServiceUnavailable} {
		h.stuck = func() bool { return stuck }
		answer := httptest.NewRecorder()
		if h.live(answer, nil); answer.Code != want {
			t.Errorf("stuck %v: answered %d, want %d", stuck, answer.Code, want)
		}
	}
}
