package mail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"os"
	"path/filepath"
)

// directory keeps each letter in a file that mail programs open. Letters hold links that open doors,
// so nobody but their owner may read the files.
type directory struct {
	path string
	from *netmail.Address
}

func openDirectory(path string, from *netmail.Address) (*directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("mail: make the directory for letters: %w", err)
	}
	return &directory{path: path, from: from}, nil
}

// Send implements Sender. A letter that is sent again takes the place of itself.
func (d *directory) Send(ctx context.Context, m Message) error {
	msg, err := m.compose(d.from)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write a letter: %w", err)
	}
	// Whoever watches the directory for *.eml sees whole letters alone. Files made this way have mode 0600.
	file, err := os.CreateTemp(d.path, ".letter-")
	if err != nil {
		return fmt.Errorf("write a letter: %w", err)
	}
	_, err = msg.WriteTo(file)
	if err = errors.Join(err, file.Close()); err == nil {
		name := m.Date.UTC().Format("20060102T150405.000000Z") + "-" + m.ID + ".eml"
		err = os.Rename(file.Name(), filepath.Join(d.path, name))
	}
	if err != nil {
		_ = os.Remove(file.Name()) // what failed before is the error to tell
		return fmt.Errorf("write a letter: %w", err)
	}
	return nil
}
