// Writes unicode_tables.h: what Go's unicode and strconv packages say of every rune, so that
// relabeling and quoting agree with Prometheus to the rune.
//
//	go run gen_unicode.go > unicode_tables.h
//
//go:build ignore

package main

import (
	"fmt"
	"strconv"
	"unicode"
)

var column int

func item(s string) {
	if column == 0 || column+len(s) > 88 {
		fmt.Print("\n\t", s)
		column = len(s)
		return
	}
	fmt.Print(" ", s)
	column += 1 + len(s)
}

func end() {
	fmt.Print("\n};\n")
	column = 0
}

func ranges(name string, in func(r rune) bool) {
	fmt.Printf("\nstatic const struct rune_range %s[] = {", name)
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !in(r) {
			continue
		}
		lo := r
		for r < unicode.MaxRune && in(r+1) {
			r++
		}
		item(fmt.Sprintf("{0x%x, 0x%x},", lo, r))
	}
	end()
}

// Runs of runes with one distance to their image, next to each other or every second one.
func mapping(name string, to func(r rune) rune) {
	fmt.Printf("\nstatic const struct rune_shift %s[] = {", name)
	for r := rune(0); r <= unicode.MaxRune; r++ {
		d := to(r) - r
		if d == 0 {
			continue
		}
		step := rune(1)
		if to(r+1)-(r+1) != d && to(r+2)-(r+2) == d && to(r+1) == r+1 {
			step = 2
		}
		hi := r
		for hi+step <= unicode.MaxRune && to(hi+step)-(hi+step) == d &&
			(step == 1 || to(hi+1) == hi+1) {
			hi += step
		}
		item(fmt.Sprintf("{0x%x, 0x%x, %d, %d},", r, hi, step, d))
		r = hi
	}
	end()
}

func main() {
	fmt.Printf("/* Made by gen_unicode.go from Unicode %s; do not edit. Sorted. */\n", unicode.Version)
	fmt.Println("#pragma once\n\n/* clang-format off */")
	ranges("rune_word", func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' })
	ranges("rune_print", strconv.IsPrint)
	mapping("rune_lower_shift", unicode.ToLower)
	mapping("rune_upper_shift", unicode.ToUpper)
	fmt.Println("/* clang-format on */")
}
