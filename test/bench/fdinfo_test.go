package main

import (
	"strings"
	"testing"
)

func TestParseFdinfo(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       object
		ok         bool
	}{
		{
			"map", "pos:\t0\nflags:\t02000002\nmap_type:\t1\nkey_size:\t8\nmax_entries:\t4096\nmemlock:\t3407872\nmap_id:\t17\nfrozen:\t0\n",
			object{"map", 17, 3407872}, true,
		},
		{
			"program", "prog_type:\t8\nprog_jited:\t1\nprog_tag:\tcddd497ff2e459d3\nmemlock:\t20480\nprog_id:\t791\nrun_time_ns:\t0\n",
			object{"prog", 791, 20480}, true,
		},
		{"link", "link_type:\tcgroup\nlink_id:\t5\nprog_tag:\tcddd497ff2e459d3\nprog_id:\t791\n", object{kind: "prog", id: 791}, false},
		{"file", "pos:\t0\nflags:\t0100000\nmnt_id:\t25\nino:\t9\n", object{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, ok := parseFdinfo(strings.NewReader(tc.text)); got != tc.want || ok != tc.ok {
				t.Errorf("%+v, %v", got, ok)
			}
		})
	}
}
