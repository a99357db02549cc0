// Package release tests that a release can be built again, and that the workflows that build it are what they should be.
package release
