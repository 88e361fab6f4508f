// Hello world: what a process costs that does next to nothing. bench/startup is ours.
package main

import (
	"fmt"
	"runtime"
)

func main() {
	fmt.Println("hello")
	runtime.Gosched()
	fmt.Println("world")
}
