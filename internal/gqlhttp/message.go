package gqlhttp

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// message is one of graphql-transport-ws.
type message struct {
	ID      string `json:"id,omitempty"`
	Type    string `json:"type"`
	Payload any    `json:"payload,omitempty"`
}

// read is the next message; false where the connection has ended, or is closed because of what came.
func (c *socket) read() (message, bool) {
	kind, text, err := c.conn.Read(c.ctx)
	if err != nil {
		return message{}, false
	}
	if kind != websocket.MessageText {
		_ = c.conn.Close(websocket.StatusUnsupportedData, "messages are text")
		return message{}, false
	}
	v, bad := decodeJSON(text, c.h.limits.JSONDepth)
	if bad != nil {
		_ = c.conn.Close(closeBadMessage, "a message must be a JSON object, each of its names once")
		return message{}, false
	}
	object, _ := v.(map[string]any)
	m := message{Payload: object["payload"]}
	var okID, okType bool
	m.Type, okType = object["type"].(string)
	m.ID, okID = object["id"].(string)
	if !okType || !okID && object["id"] != nil {
		_ = c.conn.Close(closeBadMessage, "a message has a type and perhaps an id, which are strings")
		return message{}, false
	}
	return m, true
}

// write sends text. A client that takes too long to take it loses the connection.
func (c *socket) write(text []byte) error {
	ctx, cancel := context.WithTimeout(c.ctx, c.live.cfg.Write)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, text); err != nil {
		return fmt.Errorf("send a message: %w", err)
	}
	return nil
}

func (c *socket) send(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	return c.write(text)
}

// quiet has no message in this protocol.
func (c *socket) quiet(string) error { return nil }

func (c *socket) next(id string, a answer) error {
	text, err := a.text()
	if err != nil {
		return err
	}
	quoted, err := json.Marshal(id)
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	// The payload is JSON already: to pass it through an encoder again would cost as much as making it.
	return c.write(slices.Concat([]byte(`{"id":`), quoted, []byte(`,"type":"next","payload":`), text, []byte{'}'}))
}

func (c *socket) fail(id string, errs gqlerror.List) error {
	return c.send(message{ID: id, Type: "error", Payload: errs})
}

func (c *socket) complete(id string) error { return c.send(message{ID: id, Type: "complete"}) }
