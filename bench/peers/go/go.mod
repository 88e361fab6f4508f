// The peers written in Go, a program per folder. They need nothing beyond the standard library, and
// build with the Go of Debian 12.
module bench/peers

go 1.19
