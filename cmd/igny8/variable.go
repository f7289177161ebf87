package main

import (
	"reflect"
	"slices"
	"strings"
)

// variable is one environment variable, as the tags of config document it.
type variable struct {
	name, field, fallback, doc string
	commands                   []string // with a star where required
}

func variables() []variable {
	fields := reflect.VisibleFields(reflect.TypeFor[config]())
	var all []variable
	for _, f := range fields {
		if !f.IsExported() {
			continue
		}
		all = append(all, variable{
			name: f.Tag.Get("env"), field: f.Name, fallback: f.Tag.Get("envDefault"), doc: f.Tag.Get("doc"),
			commands: strings.Fields(f.Tag.Get("for")),
		})
	}
	return all
}

func (v variable) requiredBy(command string) bool { return slices.Contains(v.commands, command+"*") }

func (v variable) readBy(command string) bool {
	return slices.Contains(v.commands, command) || v.requiredBy(command)
}

// configTable is the table of docs/operating.md.
func configTable() string {
	var b strings.Builder
	b.WriteString("| variable | read by | without it | meaning |\n| --- | --- | --- | --- |\n")
	for _, v := range variables() {
		fallback := "—"
		if v.fallback != "" {
			fallback = "`" + v.fallback + "`"
		}
		commands := strings.ReplaceAll(strings.Join(v.commands, ", "), "*", " (required)")
		b.WriteString("| `" + v.name + "` | " + commands + " | " + fallback + " | " + v.doc + " |\n")
	}
	return b.String()
}

const helpWidth = 100

// environmentHelp lists a command's variables for its help.
func environmentHelp(command string) string {
	var b strings.Builder
	b.WriteString("Environment:\n")
	for _, v := range variables() {
		if !v.readBy(command) {
			continue
		}
		b.WriteString("\n    " + v.name)
		switch {
		case v.requiredBy(command):
			b.WriteString("  (required)")
		case v.fallback != "":
			b.WriteString("  (default " + v.fallback + ")")
		}
		b.WriteString("\n")
		for _, line := range wrap(v.doc, helpWidth-14) {
			b.WriteString("        " + line + "\n")
		}
	}
	return b.String()
}

// wrap breaks text into lines of at most width bytes, at spaces.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}
