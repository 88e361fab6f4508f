// The peers written in Go, a program per folder. They need nothing beyond the standard library.
module bench/peers

go 1.23
