package sink

import "strings"

// pad fills text with spaces up to width. Text that is wider stays as it is.
func pad(text string, width int) string {
	if missing := width - displayWidth(text); missing > 0 {
		return text + strings.Repeat(" ", missing)
	}
	return text
}

// padLeft is [pad] with the text at the right.
func padLeft(text string, width int) string {
	if missing := width - displayWidth(text); missing > 0 {
		return strings.Repeat(" ", missing) + text
	}
	return text
}

// center fills text on both sides.
func center(text string, width int) string {
	missing := max(width-displayWidth(text), 0)
	return strings.Repeat(" ", missing/2) + text + strings.Repeat(" ", missing-missing/2)
}

// wrap breaks safe text into lines of at most width columns: between words where it can, within a word where it must.
func wrap(text string, width int) []string {
	width = max(width, 1)
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case displayWidth(line)+1+displayWidth(word) <= width:
			line += " " + word
			continue
		default:
			lines = append(lines, line)
			line = word
		}
		for displayWidth(line) > width {
			head := prefix(line, width)
			lines, line = append(lines, head), line[len(head):]
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// prefix is the longest beginning of text that fits, and at least one rune so that [wrap] comes to an end.
func prefix(text string, width int) string {
	used := 0
	for i, r := range text {
		used += terminal.RuneWidth(r)
		if used > width && i > 0 {
			return text[:i]
		}
	}
	return text
}
