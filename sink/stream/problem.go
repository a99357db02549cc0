package stream

import (
	"encoding/json"
	"net/http"
)

// problem is the body of every answer but 200.
type problem struct {
	Error string `json:"error"`          // what is wrong
	Hint  string `json:"hint,omitempty"` // what to do about it
}

// refuse answers a request with why it is not served.
func refuse(w http.ResponseWriter, status int, why, hint string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem{why, hint}) // the reader may be gone
}
