package codec

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// field is a field of a struct as messages see it: its own, or promoted from an embedded struct.
type field struct {
	name      string
	index     []int // the way from the outer struct, through embedded ones
	typ       reflect.Type
	exported  bool
	tagged    bool // the name is from a tag
	quoted    bool // the string option
	omitEmpty bool
	omitZero  bool
}

// fieldsOf finds the fields of t by the rules of encoding/json. Embedded structs without a name of their own are
// searched level by level; a name goes to the shallowest field, among those to the one with a tag, and to none when
// that leaves several.
func fieldsOf(t reflect.Type) []field {
	var found []field
	seen := map[reflect.Type]bool{}
	level := []embedded{{typ: t, copies: 1}}
	for len(level) > 0 {
		var deeper []embedded
		for _, s := range level {
			if seen[s.typ] {
				continue
			}
			seen[s.typ] = true
			for i := range s.typ.NumField() {
				deeper = s.visit(i, &found, deeper)
			}
		}
		level = deeper
	}
	found = dominant(found)
	slices.SortFunc(found, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return found
}

// embedded is a struct whose fields are promoted, or the outer struct itself.
type embedded struct {
	typ    reflect.Type
	index  []int
	copies int // how often the type occurs at this level; its names are ambiguous when more than once
}

// visit adds the i-th field to found, or to deeper when it is embedded.
func (s embedded) visit(i int, found *[]field, deeper []embedded) []embedded {
	sf := s.typ.Field(i)
	tag := sf.Tag.Get("json")
	if tag == "-" || !visible(sf) {
		return deeper
	}
	name, options, _ := strings.Cut(tag, ",")
	if !validName(name) {
		name = ""
	}
	index := append(slices.Clone(s.index), i)
	inner := sf.Type
	if inner.Name() == "" && inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	if name == "" && sf.Anonymous && inner.Kind() == reflect.Struct {
		return enqueue(deeper, embedded{inner, index, s.copies})
	}
	f := field{
		name:      cmp.Or(name, sf.Name),
		index:     index,
		typ:       sf.Type,
		exported:  sf.IsExported(),
		tagged:    name != "",
		quoted:    hasOption(options, "string") && quotable(inner),
		omitEmpty: hasOption(options, "omitempty"),
		omitZero:  hasOption(options, "omitzero"),
	}
	*found = append(*found, f)
	if s.copies > 1 {
		*found = append(*found, f) // the rivals of the other copies, which are not visited
	}
	return deeper
}

// enqueue adds a struct to a level once, and counts further copies.
func enqueue(level []embedded, s embedded) []embedded {
	for i := range level {
		if level[i].typ == s.typ {
			level[i].copies++
			return level
		}
	}
	s.copies = 1
	return append(level, s)
}

// visible reports whether a field counts: an exported one, or an embedded struct, whose exported fields are promoted
// even when its own name is not exported.
func visible(sf reflect.StructField) bool {
	t := sf.Type
	if sf.Anonymous && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return sf.IsExported() || sf.Anonymous && t.Kind() == reflect.Struct
}

// validName reports whether encoding/json would take the name from a tag.
func validName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

func hasOption(options, want string) bool {
	for option := range strings.SplitSeq(options, ",") {
		if option == want {
			return true
		}
	}
	return false
}

// quotable reports whether the string option applies: to strings, numbers and booleans that do not encode themselves.
func quotable(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	if pointer.Implements(marshalerType) || pointer.Implements(textMarshalerType) {
		return false
	}
	k := t.Kind()
	return k == reflect.String || reflect.Bool <= k && k <= reflect.Float64
}

// dominant keeps one field per name, or none.
func dominant(fields []field) []field {
	slices.SortStableFunc(fields, func(a, b field) int { return cmp.Or(cmp.Compare(a.name, b.name), rank(a, b)) })
	kept := fields[:0]
	for i := 0; i < len(fields); {
		end := i + 1
		for end < len(fields) && fields[end].name == fields[i].name {
			end++
		}
		if end == i+1 || rank(fields[i], fields[i+1]) != 0 {
			kept = append(kept, fields[i])
		}
		i = end
	}
	return kept
}

// rank orders fields of one name: those that win come first, equals rule each other out.
func rank(a, b field) int {
	if c := cmp.Compare(len(a.index), len(b.index)); c != 0 || a.tagged == b.tagged {
		return c
	}
	if a.tagged {
		return -1
	}
	return 1
}

// fold maps names that differ by case only to one name.
func fold(name []byte) string {
	folded := make([]byte, 0, 64)
	for len(name) > 0 {
		r, n := utf8.DecodeRune(name)
		folded = utf8.AppendRune(folded, foldRune(r))
		name = name[n:]
	}
	return string(folded)
}

// foldRune is the least of the runes that are r in some case.
func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
