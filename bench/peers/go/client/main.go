// net/http's client as a user writes it, a goroutine per request in flight. The same
// arguments and answers as bench/http/client.cpp.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type tally struct{ completed, failed, bytes atomic.Int64 }

func getPage(client *http.Client, url string) (int, error) {
	response, err := client.Get(url)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode >= 400 {
		return 0, fmt.Errorf("%s", response.Status)
	}
	body, err := io.ReadAll(response.Body)
	return len(body), err
}

func runLoad(client *http.Client, url string, requests, inFlight int) *tally {
	var done tally
	var left atomic.Int64
	left.Store(int64(requests))
	var group sync.WaitGroup
	for i := 0; i < inFlight; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for left.Add(-1) >= 0 {
				size, err := getPage(client, url)
				if err != nil {
					if done.failed.Add(1) == 1 {
						fmt.Fprintln(os.Stderr, err)
					}
					continue
				}
				done.completed.Add(1)
				done.bytes.Add(int64(size))
			}
		}()
	}
	group.Wait()
	return &done
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return value
}

func main() {
	url, requests, inFlight, warmUp := os.Args[1], number(os.Args[2]), number(os.Args[3]), number(os.Args[4])
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: inFlight,
		DisableKeepAlives:   len(os.Args) > 5 && os.Args[5] == "close",
	}}
	if warmUp > 0 {
		runLoad(client, url, warmUp, inFlight)
	}
	cpu, start := cpuSeconds(), time.Now()
	done := runLoad(client, url, requests, inFlight)
	cpu, wall := cpuSeconds()-cpu, time.Since(start).Seconds()
	fmt.Printf("completed %d\nfailed %d\nbytes %d\ncpu %.6f\nwall %.6f\n",
		done.completed.Load(), done.failed.Load(), done.bytes.Load(), cpu, wall)
}
