package stream

import "cmp"

// closing is a heap of windows, the first one to close on top; of equal ones, in the order of their making.
type closing[K comparable, A any] []*entry[K, A]

func (c closing[K, A]) Len() int      { return len(c) }
func (c closing[K, A]) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c closing[K, A]) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(c[i].end, c[j].end), cmp.Compare(c[i].start, c[j].start), cmp.Compare(c[i].serial, c[j].serial)) < 0
}

// Push implements [heap.Interface].
func (c *closing[K, A]) Push(e any) { *c = append(*c, e.(*entry[K, A])) }

// Pop implements [heap.Interface].
func (c *closing[K, A]) Pop() any {
	last := (*c)[len(*c)-1]
	(*c)[len(*c)-1] = nil
	*c = (*c)[:len(*c)-1]
	return last
}
