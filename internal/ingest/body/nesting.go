package body

// maxDepth bounds the nesting of one record. A pod has about a dozen levels.
const maxDepth = 64

// tooDeep counts brackets outside strings. Deep nesting is cheap to send and
// dear to decode.
func tooDeep(data []byte) bool {
	deep := false
	brackets(data, func(depth, _ int) bool {
		deep = depth > maxDepth
		return !deep
	})
	return deep
}

// enclosed returns the object at the beginning up to the brace that closes it,
// valid or not. It is nil where there is no such brace.
func enclosed(data []byte) []byte {
	if len(data) == 0 || data[0] != '{' {
		return nil
	}
	var object []byte
	brackets(data, func(depth, at int) bool {
		if depth == 0 {
			object = data[:at+1]
		}
		return depth > 0
	})
	return object
}

// brackets calls yield for each bracket outside strings, with how many are open
// behind it and its place, until yield says no.
func brackets(data []byte, yield func(depth, at int) bool) {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i += quoted(data[i:])
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		default:
			continue
		}
		if !yield(depth, i) {
			return
		}
	}
}

// quoted returns the place of the quote that ends the string at the beginning,
// or where data ends.
func quoted(data []byte) int {
	for i := 1; i < len(data); i++ {
		switch data[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return len(data)
}
