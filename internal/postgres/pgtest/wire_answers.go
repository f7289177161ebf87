//go:build unix

package pgtest

import (
	"encoding/binary"
	"strconv"
)

// answers reads the messages of Postgres for whose rows it hands over. A row of a statement that was
// prepared before comes without a description of its columns, and is not read.
type answers struct {
	rest []byte
	// owners are the places of the columns tenant_id of the rows to come, with the form of their values.
	owners []owner
}

type owner struct {
	at     int
	binary bool
}

// see reads on. What belongs to a message that is not whole yet waits for the rest of it.
func (a *answers) see(p []byte, read func(tenant int64)) {
	a.rest = append(a.rest, p...)
	for len(a.rest) >= 1+lengthSize {
		size := 1 + int(binary.BigEndian.Uint32(a.rest[1:]))
		if len(a.rest) < size {
			return
		}
		body := a.rest[1+lengthSize : size]
		switch a.rest[0] {
		case 'T':
			a.owners = ownersIn(body)
		case 'D':
			for _, o := range a.owners {
				if tenant, ok := o.of(body); ok {
					read(tenant)
				}
			}
		case 'C', 'Z': // the statement is complete, or Postgres waits for another
			a.owners = nil
		}
		a.rest = a.rest[size:]
	}
}

// ownersIn finds the columns tenant_id in a description of rows.
func ownersIn(body []byte) []owner {
	const (
		count      = 2
		afterName  = 4 + 2 + 4 + 2 + 4 // the table, the column's number, its type, that one's size, its modifier
		formatSize = 2
	)
	var found []owner
	n := int(binary.BigEndian.Uint16(body))
	body = body[count:]
	for at := range n {
		name, rest, err := text(body)
		if err != nil || len(rest) < afterName+formatSize {
			return found
		}
		if name == "tenant_id" {
			found = append(found, owner{at, binary.BigEndian.Uint16(rest[afterName:]) == 1})
		}
		body = rest[afterName+formatSize:]
	}
	return found
}

// of reads the account that a row belongs to; false where the row does not say it.
func (o owner) of(row []byte) (int64, bool) {
	const count = 2
	row = row[count:]
	for at := 0; ; at++ {
		if len(row) < lengthSize {
			return 0, false
		}
		size := int(int32(binary.BigEndian.Uint32(row))) // -1 is for none
		row = row[lengthSize:]
		value := row[:max(size, 0)]
		if at < o.at {
			row = row[len(value):]
			continue
		}
		const bigint = 8
		switch {
		case size < 0:
			return 0, false
		case o.binary && size == bigint:
			return int64(binary.BigEndian.Uint64(value)), true
		}
		tenant, err := strconv.ParseInt(string(value), 10, 64)
		return tenant, err == nil
	}
}
