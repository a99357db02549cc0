package main

import _ "embed"

// scrape follows a log in Python.
//
//go:embed scrape.py
var scrape []byte
