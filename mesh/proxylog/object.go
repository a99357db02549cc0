package proxylog

import (
	"encoding/json"
	"strconv"
)

// object is a JSON line whose values are texts or numbers; others are left out.
type object map[string]string

// parseObject reads a line that is one JSON object, or false.
func parseObject(line []byte) (object, bool) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, false
	}
	o := make(object, len(raw))
	for key, value := range raw {
		if text, ok := scalar(value); ok {
			o[key] = text
		}
	}
	return o, true
}

func scalar(value json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text, true
	}
	var number json.Number
	if json.Unmarshal(value, &number) == nil {
		if _, err := strconv.ParseFloat(number.String(), 64); err == nil {
			return number.String(), true
		}
	}
	return "", false
}

// access reads a JSON access log: any keys that are named after Envoy's command operators, in any order. Of several keys that stand
// for one field, which one counts does not depend on their order either: the one that is spelled as in Istio's default.
func (o object) access() access {
	var a access
	for _, key := range []string{"start_time", "downstream_remote_address", "upstream_host", "upstream_cluster"} {
		a.set(fieldOf(key), o[key])
	}
	for _, key := range sortedKeys(o) {
		a.set(fieldOf(key), o[key])
	}
	return a
}
