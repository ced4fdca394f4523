// Package arch holds no code, only the tests that keep the module's form: the
// floors (a package imports lower floors only), the imports and calls that
// belong in one place, the sizes of files and functions, no init functions, no
// package-level state that changes, a doc.go in every package.
//
// The tests read the source and need nothing built; a package that does not
// exist yet breaks nothing, one that is on no floor does.
package arch
