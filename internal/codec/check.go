package codec

// maxDepth bounds how deep arrays, maps and structs nest, so that no input exhausts the stack.
const maxDepth = 1000

// check walks over the input without allocating, and accepts it when it is exactly one whole value. After that the
// elements that all counts promise together are no more than the bytes there are, so that a decoder may allocate by
// them; before it, nested counts could promise their product.
func (r *reader) check() error {
	if err := r.skip(1, 0); err != nil {
		return err
	}
	if r.start = r.pos; r.pos < len(r.data) {
		return r.failed("%d bytes follow the value", len(r.data)-r.pos)
	}
	r.pos = 0
	return nil
}

// skip passes over n values that stand in depth containers.
func (r *reader) skip(n uint64, depth int) error {
	for ; n > 0; n-- {
		if r.skipFixed() {
			continue
		}
		t := r.next()
		inside := t.num
		switch t.kind {
		case kindBad:
			return r.err
		case kindString:
			r.text += len(t.body)
			continue
		case kindArray:
		case kindMap:
			inside *= 2
		default:
			continue
		}
		if depth == maxDepth {
			return r.failed("nested deeper than %d levels", maxDepth)
		}
		if err := r.skip(inside, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// fixedSizes is the size of the token that a code begins, where the code alone says it; otherwise 0.
var fixedSizes = func() (sizes [256]uint8) {
	for c := range sizes {
		switch {
		case c <= 0x7f || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3:
			sizes[c] = 1
		case 0xa0 <= c && c <= 0xbf:
			sizes[c] = 1 + uint8(c&0x1f)
		case 0xca <= c && c <= 0xd3:
			sizes[c] = 1 + widths[c-0xc4]
		}
	}
	return sizes
}()

// skipFixed is a shortcut for the commonest tokens. It leaves all others, and errors, to next.
func (r *reader) skipFixed() bool {
	if r.pos >= len(r.data) {
		return false
	}
	c := r.data[r.pos]
	size := int(fixedSizes[c])
	if size == 0 || size > len(r.data)-r.pos {
		return false
	}
	r.pos += size
	if 0xa0 <= c && c <= 0xbf {
		r.text += size - 1
	}
	return true
}
