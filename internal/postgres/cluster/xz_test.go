//go:build unix

package cluster

import (
	"encoding/binary"
	"hash/crc32"
)

// storedXZ wraps data in the xz format without compressing it: enough for a reader, and nothing
// that the standard library lacks. The format is that of "The .xz File Format", version 1.1.0.
func storedXZ(data []byte) []byte {
	const (
		crc32Check = 0x01
		lzma2      = 0x21
		dictionary = 0x08 // 64 KiB, the size of the largest stored chunk
	)
	sum := func(b []byte) []byte { return binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)) }
	pad := func(b []byte) []byte {
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
		return b
	}
	flags := []byte{0, crc32Check}
	out := append([]byte{0xfd, '7', 'z', 'X', 'Z', 0}, flags...)
	out = append(out, sum(flags)...)

	// The block: a header of 8 bytes and its checksum, LZMA2 chunks, padding, the data's checksum.
	block := make([]byte, 0, len(data)+len(data)/1024+64)
	block = append(block, 2, 0, lzma2, 1, dictionary, 0, 0, 0)
	block = append(block, sum(block)...)
	for i, rest := 0, data; len(rest) > 0; i++ {
		chunk := rest[:min(len(rest), 1<<16)]
		rest = rest[len(chunk):]
		control := byte(2) // stored, the dictionary kept
		if i == 0 {
			control = 1 // stored, the dictionary new
		}
		block = append(block, control)
		block = binary.BigEndian.AppendUint16(block, uint16(len(chunk)-1))
		block = append(block, chunk...)
	}
	block = append(block, 0) // the end of the chunks
	unpadded := len(block) + 4
	block = append(pad(block), sum(data)...)
	out = append(out, block...)

	index := []byte{0, 1} // one record
	index = binary.AppendUvarint(index, uint64(unpadded))
	index = binary.AppendUvarint(index, uint64(len(data)))
	index = pad(index)
	index = append(index, sum(index)...)
	out = append(out, index...)

	footer := binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1))
	footer = append(footer, flags...)
	out = append(out, sum(footer)...)
	out = append(out, footer...)
	return append(out, 'Y', 'Z')
}
