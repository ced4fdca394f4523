package keyspace

import (
	"math/bits"

	"redisd/pkg/ds"
)

// radixExact is up to how many nodes RadixNodes counts one by one.
const radixExact = 4096

// idBytes is the length of the keys in Redis's tree.
const idBytes = 16

// RadixNodes is how many nodes the radix tree has in which Redis would keep this stream's nodes; XINFO shows it. Of a
// long stream a part is counted, and the rest taken to be like it.
func (s StreamValue) RadixNodes() int {
	keys := s.Nodes()
	if keys == 0 {
		return 1
	}
	n := radixNodes(s.nodes().First(), min(keys, radixExact))
	if keys > radixExact {
		n = int(float64(n) / radixExact * float64(keys))
	}
	return n
}

// radixNodes counts the nodes for the first keys from c on. A key ends in a leaf; a node branches where keys part, and
// the bytes between two such places, all but the one that the branch has, are one node more.
func radixNodes(c ds.TreeCursor, keys int) int {
	var branches [idBytes + 1]int // depths of the branches on the way to the last key
	open, n, before := 0, 0, -1
	for i := range keys {
		id := treeID(&c)
		common := -1 // bytes that this key shares with the next one
		if c.Next(); i+1 < keys {
			common = commonBytes(id, treeID(&c))
		}
		n += 1 + chain(idBytes, max(before, common))
		for open > 0 && branches[open-1] > common {
			parent := common
			if open > 1 {
				parent = max(parent, branches[open-2])
			}
			n += 1 + chain(branches[open-1], parent)
			open--
		}
		if common >= 0 && (open == 0 || branches[open-1] < common) {
			branches[open] = common
			open++
		}
		before = common
	}
	return n
}

// chain is 1 when there are bytes between a branch at depth parent, which has one itself, and depth.
func chain(depth, parent int) int {
	if depth > parent+1 {
		return 1
	}
	return 0
}

// commonBytes is how many bytes two ids, as big endian numbers, have in common.
func commonBytes(a, b StreamID) int {
	if d := a.Ms ^ b.Ms; d != 0 {
		return bits.LeadingZeros64(d) / 8
	}
	return 8 + bits.LeadingZeros64(a.Seq^b.Seq)/8
}
