package others

import (
	"encoding/json"
	"os"
	"slices"
)

// Costs is what tools cost beside traffic of which every run is alike.
type Costs struct {
	Kernel     string `json:"kernel"`
	Handshakes int    `json:"handshakes"` // in a run
	Failing    int    `json:"failing"`    // of these
	Rounds     int    `json:"rounds"`     // each has a run without a tool and one with each tool, in an order that changes
	Tools      []Cost `json:"tools"`
}

// Cost is what one tool costs.
type Cost struct {
	Tool    string `json:"tool"`
	Version string `json:"version"`
	// Tool CPU is what the tool itself takes for 1,000 handshakes, in seconds, its start not counted.
	ToolCPU Spread `json:"tool_cpu_seconds_per_1000"`
	// TrafficCPU is what client and server take beside the tool, relative to the run without it in the same round. What the kernel
	// does for the tool while they send is in it.
	TrafficCPU Spread `json:"traffic_cpu_ratio"`
	// All is the CPU of tool, client and server relative to the run without a tool.
	All Spread `json:"all_cpu_ratio"`
	// Hits is how often the kernel ran the tool's BPF programs for 1,000 handshakes; 0 for a tool that has none.
	Hits float64 `json:"hits_per_1000,omitempty"`
}

// Spread is the median of some rounds, and the rounds at the quarters around it.
type Spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`  // a quarter of the rounds is below
	High   float64 `json:"high"` // a quarter of the rounds is above
}

func spread(rounds []float64) Spread {
	if len(rounds) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(rounds))
	at := func(share float64) float64 { return sorted[int(share*float64(len(sorted)-1)+0.5)] }
	return Spread{Median: at(0.5), Low: at(0.25), High: at(0.75)}
}

// WriteCosts replaces the file.
func WriteCosts(path string, costs []Costs) error {
	b, err := json.MarshalIndent(costs, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
