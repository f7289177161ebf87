package main

import (
	"errors"
	"io/fs"
	"os"

	"igny8.com/accounts/graph"
)

// readOperations reads the manifest, so that what is wrong with it is told at the start.
func (cfg *config) readOperations() error {
	switch {
	case cfg.OperationsFile == "" && cfg.OperationsOnly:
		return errors.New("IGNY8_OPERATIONS_ONLY is set, but IGNY8_OPERATIONS is not: nothing could run")
	case cfg.OperationsFile == "":
		return nil
	}
	manifest, err := os.ReadFile(cfg.OperationsFile)
	if err != nil {
		return errors.New("IGNY8_OPERATIONS cannot be read: " + reason(err))
	}
	if cfg.operations, err = graph.ReadOperations(manifest); err == nil {
		return nil
	}
	var problems []error
	for _, problem := range flatten(err) {
		problems = append(problems, errors.New("IGNY8_OPERATIONS: "+problem))
	}
	return errors.Join(problems...)
}

// reason is why a file cannot be opened, without its path.
func reason(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}
