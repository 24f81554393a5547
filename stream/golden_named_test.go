package stream_test

// named is a case that shows one thing: durations and inputs, each with its time, topic, key and value.
type named struct {
	name                 string
	size, advance, grace int64
	topics               int
	in                   []string
}

// namedCases are those of a kind.
func namedCases(kind string) (cases []goldenCase) {
	for _, n := range shows[kind] {
		c := goldenCase{Name: n.name, Topology: kind, Size: n.size, Advance: n.advance, Grace: n.grace, Topics: n.topics, In: n.in}
		if c.Topics == 0 {
			c.Topics = 1
		}
		if c.Advance == 0 {
			c.Advance = c.Size
		}
		cases = append(cases, c)
	}
	return cases
}

var shows = map[string][]named{
	"tumbling": {
		{"the end does not belong to it", 10, 0, 0, 1, []string{"0 in a a1", "9 in a a2", "5 in b b1", "10 in a a3", "99 in z z1"}},
		{"late without grace", 10, 0, 0, 1, []string{"5 in a a1", "10 in a a2", "9 in a a3", "99 in z z1"}},
		{"within grace, and behind it", 10, 0, 5, 1, []string{
			"5 in a a1", "14 in a a2", "9 in a a3", "15 in a a4", "9 in a a5", "99 in z z1",
		}},
		{"another key moves stream time", 10, 0, 0, 1, []string{"5 in a a1", "50 in b b1", "6 in a a2", "99 in z z1"}},
		{"a topic that is behind", 10, 0, 0, 2, []string{
			"5 l a a1", "6 r a a2", "50 l a a3", "7 r a a4", "51 r a a5", "99 l z z1", "99 r z z2",
		}},
	},
	"hopping": {
		{"in several windows", 10, 5, 0, 1, []string{"12 in a a1", "20 in a a2", "99 in z z1"}},
		{"an advance that does not divide the size", 10, 4, 0, 1, []string{"21 in a a1", "25 in a a2", "99 in z z1"}},
		{"late for one window, in time for another", 10, 5, 0, 1, []string{"16 in a a1", "12 in a a2", "99 in z z1"}},
		{"windows that begin before 1970", 10, 5, 0, 1, []string{"2 in a a1", "99 in z z1"}},
	},
	"sliding": {
		{"the example of Kafka's documentation", 5000, 0, 0, 1, []string{
			"8000 in a a1", "9200 in a a2", "12400 in a a3", "99000 in z z1",
		}},
		{"out of order, within grace", 10, 0, 5, 1, []string{"104 in a a1", "112 in a a2", "108 in a a3", "999 in z z1"}},
		{"only the window behind is open", 10, 0, 0, 1, []string{"104 in a a1", "115 in a a2", "105 in a a3", "104 in a a4", "999 in z z1"}},
		{"equal times", 10, 0, 0, 1, []string{"100 in a a1", "100 in a a2", "105 in a a3", "100 in a a4", "999 in z z1"}},
		{"behind an element whose own window is closed", 21, 0, 0, 1, []string{
			"1072 in a a1", "1079 in a a2", "1085 in a a3", "1095 in b b1", "1088 in a a4", "1101 in a a5", "2000 in z z1",
		}},
		{"windows that begin before 1970", 10, 0, 0, 1, []string{"4 in a a1", "7 in a a2", "99 in z z1"}},
	},
	"session": {
		{"gap and end are inclusive", 5, 0, 0, 1, []string{"10 in a a1", "15 in a a2", "21 in a a3", "99 in z z1"}},
		{"one element joins two sessions", 5, 0, 20, 1, []string{"10 in a a1", "20 in a a2", "15 in a a3", "46 in a a4", "99 in z z1"}},
		{"late", 5, 0, 0, 1, []string{"100 in b b1", "94 in a a1", "95 in a a2", "999 in z z1"}},
		{"a closed session is within the gap", 5, 0, 0, 1, []string{"10 in a a1", "18 in b b1", "14 in a a2", "99 in z z1"}},
	},
	"join": {
		{"the window is inclusive, before and after", 10, 0, 0, 2, []string{"10 l a l1", "20 r a r1", "21 r a r2", "30 l a l2"}},
		{"other keys", 10, 0, 0, 2, []string{"10 l a l1", "10 l b l2", "12 r b r1", "12 r c r2"}},
		{"out of order", 10, 0, 0, 2, []string{"20 l a l1", "12 r a r1", "9 r a r2"}},
		{"late", 10, 0, 0, 1, []string{"10 in a l1", "50 in b r1", "11 in a r2"}},
		{"late for grace, not for Kafka's store", 10, 0, 0, 1, []string{"20 in a l1", "32 in b r1", "21 in a r2"}},
		{"in time, but the other one is closed", 10, 0, 0, 1, []string{"10 in a l1", "25 in b r1", "16 in a r2"}},
		{"within grace", 10, 0, 40, 1, []string{"10 in a l1", "50 in b r1", "11 in a r2"}},
		{"without a key", 10, 0, 0, 2, []string{"10 l - l1", "11 r - r1", "12 l a l2"}},
	},
	"leftJoin": {
		{"without a match", 10, 0, 0, 1, []string{"10 in a l1", "12 in b r1", "40 in a r2", "99 in z l2", "199 in z l3"}},
		{"late, and without a match", 10, 0, 0, 1, []string{"50 in b r1", "10 in a l1", "99 in z l2"}},
		{"alone, then within grace", 10, 0, 30, 1, []string{"40 in b l1", "20 in a l2", "25 in a r1", "199 in z l3"}},
		{"a topic that is behind", 10, 0, 0, 2, []string{"10 l a l1", "99 l a l2", "12 r a r1", "99 r z r2", "199 l z l3", "199 r z r3"}},
	},
	"outerJoin": {
		{"both sides", 10, 0, 0, 1, []string{"10 in a l1", "11 in b r1", "30 in c l2", "30 in c r2", "99 in z l3", "199 in z l4"}},
	},
	"tableJoin": {
		{"the last value that came, not the newest", 0, 0, 0, 2, []string{"20 r a a1", "10 r a a2", "30 l a a3"}},
		{"before the table has it", 0, 0, 0, 2, []string{"10 l a a1", "5 r a a2", "11 l a a3"}},
		{"after a tombstone", 0, 0, 0, 2, []string{"5 r a a1", "6 r a -", "7 l a a2"}},
	},
	"leftTableJoin": {
		{"before the table has it", 0, 0, 0, 2, []string{"10 l a a1", "5 r a a2", "11 l a a3"}},
		{"after a tombstone", 0, 0, 0, 2, []string{"5 r a a1", "6 r a -", "7 l a a2"}},
	},
	"table": {
		{"removed, and written again", 0, 0, 0, 1, []string{"5 in a a1", "6 in a -", "7 in a a2"}},
		{"the time is that of the last one that came", 0, 0, 0, 1, []string{"9 in a a1", "5 in a a2"}},
		{"a key that is not there is removed", 0, 0, 0, 1, []string{"5 in a -"}},
		{"without a key", 0, 0, 0, 1, []string{"5 in - a1", "6 in a a2"}},
	},
	"count": {
		{"out of order", 0, 0, 0, 1, []string{"9 in a a1", "5 in a a2", "7 in b b1", "10 in a a3"}},
	},
}
