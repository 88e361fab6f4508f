// The items of bench/core with goroutines, under the same names:
// core quick|full|sleepers|growth.
//
// Go has neither an event loop nor tasks that are awaited, so there are rows only for what a
// goroutine does in the place of a task: it is started and waited for, yields, waits for a
// channel, a mutex or a timer, and is cancelled by its context. The costs are those of the whole
// process, garbage collection included, on one thread of Go code (GOMAXPROCS=1).
//
// The timers are those of Go 1.23 and later, where that is what builds it.
//
//go:debug asynctimerchan=0
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

// getrusage counts in ticks of the microsecond; the clock is finer.
func processCPU() float64 {
	const clockProcessCPU = 2
	var t syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockProcessCPU, uintptr(unsafe.Pointer(&t)), 0)
	if errno != 0 {
		panic(errno)
	}
	return float64(t.Nano())
}

// ---- goroutines

//go:noinline
func trivial() int { return 1 }

func taskSingle(n int) float64 {
	result := make(chan int)
	begin := processCPU()
	for i := 0; i < n; i++ {
		go func() { result <- trivial() }()
		<-result
	}
	return processCPU() - begin
}

func taskBatch(n int) float64 {
	const batch = 1000
	results := make([]chan int, batch)
	begin := processCPU()
	for i := 0; i < n; i += batch {
		for k := range results {
			result := make(chan int, 1)
			results[k] = result
			go func() { result <- trivial() }()
		}
		for _, result := range results {
			<-result
		}
	}
	return processCPU() - begin
}

// Each child has a place for its result, and the group is waited for.
func gatherMany(n int) float64 {
	const children = 10_000
	begin := processCPU()
	for i := 0; i < n; i += children {
		results := make([]int, children)
		var group sync.WaitGroup
		group.Add(children)
		for k := range results {
			go func(k int) {
				defer group.Done()
				results[k] = trivial()
			}(k)
		}
		group.Wait()
	}
	return processCPU() - begin
}

func asCompletedMany(n int) float64 {
	const children = 10_000
	sum := 0
	begin := processCPU()
	for i := 0; i < n; i += children {
		results := make(chan int, children)
		for k := 0; k < children; k++ {
			go func() { results <- trivial() }()
		}
		for k := 0; k < children; k++ {
			sum += <-results
		}
	}
	end := processCPU()
	if sum != n {
		panic("a child was lost")
	}
	return end - begin
}

// ---- turns of the scheduler

func switches(goroutines int) func(int) float64 {
	return func(n int) float64 {
		turns := n / goroutines
		var others sync.WaitGroup
		for i := 1; i < goroutines; i++ {
			others.Add(1)
			go func() {
				defer others.Done()
				for t := 0; t < turns+2; t++ {
					runtime.Gosched()
				}
			}()
		}
		runtime.Gosched()
		begin := processCPU()
		for t := 0; t < turns; t++ {
			runtime.Gosched()
		}
		end := processCPU()
		others.Wait()
		return end - begin
	}
}

func timerStop(n int) float64 {
	begin := processCPU()
	for i := 0; i < n; i++ {
		time.AfterFunc(30*time.Second, func() {}).Stop()
	}
	return processCPU() - begin
}

// A channel with room for one value is Go's future.
func futureWake(n int) float64 {
	const waiters = 256
	rounds := n / waiters
	futures := make([]chan int, waiters)
	var all sync.WaitGroup
	for k := range futures {
		futures[k] = make(chan int, 1)
		all.Add(1)
		go func(future chan int) {
			defer all.Done()
			for i := 0; i < rounds; i++ {
				<-future
			}
		}(futures[k])
	}
	runtime.Gosched()
	begin := processCPU()
	for i := 0; i < rounds; i++ {
		for _, future := range futures {
			future <- i
		}
		runtime.Gosched()
	}
	all.Wait()
	return processCPU() - begin
}

// ---- channels and locks

// Unlimited channels there are none; this one has room for what is put.
func queueFree(n int) float64 {
	queue := make(chan int, 16)
	begin := processCPU()
	for i := 0; i < n; i++ {
		queue <- i
		<-queue
	}
	return processCPU() - begin
}

func queueOf(size int) func(int) float64 {
	return func(n int) float64 {
		queue := make(chan int, size)
		go func() {
			for i := 0; i < n; i++ {
				queue <- i
			}
		}()
		begin := processCPU()
		for i := 0; i < n; i++ {
			<-queue
		}
		return processCPU() - begin
	}
}

func lockFree(n int) float64 {
	var lock sync.Mutex
	begin := processCPU()
	for i := 0; i < n; i++ {
		lock.Lock()
		lock.Unlock()
	}
	return processCPU() - begin
}

// A channel that is closed wakes all that wait for it; each round has one.
func eventWake(n int) float64 {
	const waiters = 256
	events := make([]chan struct{}, n/waiters)
	for i := range events {
		events[i] = make(chan struct{})
	}
	var all sync.WaitGroup
	for k := 0; k < waiters; k++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for _, event := range events {
				<-event
			}
		}()
	}
	runtime.Gosched()
	begin := processCPU()
	for _, event := range events {
		close(event)
		runtime.Gosched()
	}
	all.Wait()
	return processCPU() - begin
}

// ---- errors: values that each function hands on, as with our pass()

type valueError struct{ text string }

func (e *valueError) Error() string { return e.text }

//go:noinline
func fall(depth int) (int, error) {
	if depth == 1 {
		return 0, &valueError{"deep down"}
	}
	value, err := fall(depth - 1)
	if err != nil {
		return 0, err
	}
	return value, nil
}

func failThrough(depth int) func(int) float64 {
	return func(n int) float64 {
		failed := 0
		begin := processCPU()
		for i := 0; i < n; i++ {
			if _, err := fall(depth); err != nil {
				failed++
			}
		}
		end := processCPU()
		if failed != n {
			panic("an error was lost")
		}
		return end - begin
	}
}

// The error is a value here too, so it stands beside both of our ways, with exceptions and without.
func sleepLong(ctx context.Context, depth int) error {
	if depth > 0 {
		return sleepLong(ctx, depth-1)
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func cancelJoin(depth int) func(int) float64 {
	return func(n int) float64 {
		cancelled := 0
		begin := processCPU()
		for i := 0; i < n; i++ {
			ctx, cancel := context.WithCancel(context.Background())
			result := make(chan error, 1)
			go func() { result <- sleepLong(ctx, depth) }()
			runtime.Gosched()
			cancel()
			if errors.Is(<-result, context.Canceled) {
				cancelled++
			}
		}
		end := processCPU()
		if cancelled != n {
			panic("a cancellation was lost")
		}
		return end - begin
	}
}

// ---- 1,000,000 sleepers

func residentBytes() float64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	if err != nil {
		panic(err)
	}
	return float64(pages * os.Getpagesize())
}

func sleepers() {
	const count = 1_000_000
	const delay = 10 * time.Second // longer than it takes to start them all
	before := residentBytes()
	beginWall := time.Now()
	begin := processCPU()
	var all sync.WaitGroup
	all.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			defer all.Done()
			time.Sleep(delay)
		}()
	}
	runtime.Gosched()
	asleep := processCPU()
	size := residentBytes() - before
	if time.Since(beginWall) > delay {
		panic("the first sleeper was due too early")
	}
	all.Wait()
	end := processCPU()
	printRow("1,000,000 sleepers, start", "s", (asleep-begin)*1e-9)
	printRow("1,000,000 sleepers, wake", "s", (end-asleep)*1e-9)
	printRow("1,000,000 sleepers, start + wake", "s", (end-begin)*1e-9)
	printRow("1,000,000 sleepers, each", "B", size/count)
}

// ---- main

type row struct {
	name   string
	item   func(int) float64
	leastN int
}

var rows = []row{
	{"create_task + await, one at a time", taskSingle, 1000},
	{"create_task + await, 1,000 at a time", taskBatch, 1000},
	{"sleep(0), 1 task", switches(1), 1000},
	{"sleep(0), 2 tasks", switches(2), 1000},
	{"sleep(0), 100 tasks", switches(100), 1000},
	{"sleep(0), 100,000 tasks", switches(100_000), 500_000},
	{"call_later + cancel", timerStop, 1000},
	{"future: set + wake", futureWake, 256 * 4},
	{"queue: put + get, nobody waits", queueFree, 1000},
	{"queue of 1: put + get, two tasks", queueOf(1), 1000},
	{"queue of 100: put + get, two tasks", queueOf(100), 1000},
	{"lock: acquire + release, free", lockFree, 1000},
	{"event: set + wake", eventWake, 256 * 4},
	{"gather of 10,000, per child", gatherMany, 10_000},
	{"as_completed of 10,000, per child", asCompletedMany, 10_000},
	{"raise with pass() through 1 coroutine", failThrough(1), 100},
	{"raise with pass() through 5 coroutines", failThrough(5), 100},
	{"raise with pass() through 10 coroutines", failThrough(10), 100},
	{"raise with pass() through 20 coroutines", failThrough(20), 100},
	{"cancel + join of a sleeper", cancelJoin(0), 100},
	{"cancel + join of a sleeper, 5 deep", cancelJoin(5), 100},
	{"cancel + join of a sleeper, 20 deep", cancelJoin(20), 100},
	{"cancel + try_() through pass()", cancelJoin(0), 100},
	{"cancel + try_() through pass(), 5 deep", cancelJoin(5), 100},
	{"cancel + try_() through pass(), 20 deep", cancelJoin(20), 100},
}

func nsPerOperation(r row, repeats int, repeatNs float64) float64 {
	n := r.leastN
	for r.item(n) < repeatNs {
		n *= 2
	}
	times := make([]float64, repeats)
	for i := range times {
		times[i] = r.item(n) / float64(n)
	}
	sort.Float64s(times)
	return times[repeats/2]
}

func printRow(row, unit string, value float64) {
	fmt.Printf("%s\t%s\t%.4g\n", row, unit, value)
}

// ---- how costs grow

func stopAmong(timers int) float64 {
	const n = 200_000
	armed := make([]*time.Timer, timers)
	for i := range armed {
		armed[i] = time.AfterFunc(time.Hour+time.Duration(i)*time.Millisecond, func() {})
	}
	begin := processCPU()
	for i := 0; i < n; i++ {
		delay := time.Hour + time.Duration(i*7919%timers)*time.Millisecond
		time.AfterFunc(delay, func() {}).Stop()
	}
	cpu := processCPU() - begin
	for _, timer := range armed {
		timer.Stop()
	}
	return cpu / n
}

// All of them together: Go promises no order, so that one goroutine's turns say little of the others'.
func switchAmong(goroutines int) float64 {
	turns := 500_000/goroutines + 3
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := 0; i < goroutines; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			<-start
			for t := 0; t < turns; t++ {
				runtime.Gosched()
			}
		}()
	}
	runtime.Gosched()
	begin := processCPU()
	close(start)
	all.Wait()
	return (processCPU() - begin) / float64(goroutines*turns)
}

func growth() {
	sizes := []struct {
		count int
		name  string
	}{{100, "100"}, {1_000, "1,000"}, {10_000, "10,000"}, {100_000, "100,000"}, {1_000_000, "1,000,000"}}
	for _, size := range sizes {
		printRow("sleep(0), "+size.name+" tasks", "ns", switchAmong(size.count))
		printRow("call_later + cancel, "+size.name+" timers", "ns", stopAmong(size.count))
	}
}

func main() {
	repeats, repeatNs := 3, 1e7
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "sleepers":
			sleepers()
			return
		case "growth":
			growth()
			return
		case "quick":
			repeatNs = 1e6
		}
	}
	for _, r := range rows {
		printRow(r.name, "ns", nsPerOperation(r, repeats, repeatNs))
	}
}
