// Package testserver is a small gqlgen server for the tests of gqlhttp and for nothing else.
//
// It has no meaning of its own: its schema holds one example of every shape that the layer above
// treats in a way of its own, and its resolvers fail in every manner in which a resolver can.
package testserver

//go:generate go run github.com/99designs/gqlgen generate
