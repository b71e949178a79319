// Go at the jobs of `bench sync`, one run for each line on stdin.
//
// sync-go ROW WORKERS DIVISOR answers every line with {"peer": "go", "row": ..., "ns": ...}, null if Go
// has no such row. Without arguments every row runs once and is printed. With one worker the process's
// CPU time counts, with two the wall's. Unbounded channels do not exist here: ping-pong is over
// unbuffered ones, as Go programs do it.
//
// Run: go run sync.go
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	locks       = 1_000_000
	crowdLocks  = 2_000_000
	crowdYields = 200_000
	trips       = 100_000
	crossTrips  = 2_000
	warmTrips   = 100
	items       = 400_000
	selects     = 200_000
	waiters     = 100_000
	far         = 10 * time.Second
)

// A row on so many workers, its operations divided.
type job struct {
	row              string
	workers, divisor int
}

func (j job) share(operations int) int {
	return max(operations/j.divisor, 1)
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// now reads the job's clock, in nanoseconds.
func (j job) now() int64 {
	if j.workers > 1 {
		return time.Now().UnixNano()
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// per times work, for each of operations.
func (j job) per(operations int, work func()) float64 {
	begun := j.now()
	work()
	return float64(j.now()-begun) / float64(operations)
}

// all runs the bodies as goroutines and waits for them.
func all(bodies []func()) {
	var group sync.WaitGroup
	group.Add(len(bodies))
	for _, body := range bodies {
		body := body
		go func() {
			defer group.Done()
			body()
		}()
	}
	group.Wait()
}

var rows = map[string]func(job) float64{
	"lock":             lock,
	"read":             read,
	"write":            write,
	"pingpong":         pingpong,
	"mpsc-pingpong":    pingpong,
	"pingpong-timeout": limited,
	"bounded-1024":     func(j job) float64 { return stream(j, 1, 1024) },
	"mpsc-1024":        func(j job) float64 { return stream(j, 1, 1024) },
	"bounded-1":        func(j job) float64 { return stream(j, 1, 1) },
	"mpmc-1024":        func(j job) float64 { return stream(j, 4, 1024) },
	"mpmc-1024-2":      func(j job) float64 { return stream(j, 4, 1024) },
	"cross":            cross,
	"event":            event,
	"event-2":          event,
	"select-2":         func(j job) float64 { return ready(j, 2, two) },
	"select-8":         func(j job) float64 { return ready(j, 8, eight) },
	"select-2-pingpong": func(j job) float64 {
		return choosing(j, 2, two)
	},
	"select-8-pingpong": func(j job) float64 {
		return choosing(j, 8, eight)
	},
}

var word uint64

func lock(j job) float64 {
	var mutex sync.Mutex
	times := j.share(locks)
	return j.per(times, func() {
		for i := 0; i < times; i++ {
			mutex.Lock()
			word++
			mutex.Unlock()
		}
	})
}

func read(j job) float64 {
	var mutex sync.RWMutex
	times := j.share(locks)
	sum := uint64(0)
	ns := j.per(times, func() {
		for i := 0; i < times; i++ {
			mutex.RLock()
			sum += word
			mutex.RUnlock()
		}
	})
	word = sum
	return ns
}

func write(j job) float64 {
	var mutex sync.RWMutex
	times := j.share(locks)
	return j.per(times, func() {
		for i := 0; i < times; i++ {
			mutex.Lock()
			word++
			mutex.Unlock()
		}
	})
}

// crowd runs mutex-TASKS[-yield][-2].
func crowd(j job) float64 {
	tasks, err := strconv.Atoi(strings.Split(j.row, "-")[1])
	if err != nil {
		panic(err)
	}
	isYielding, total := strings.Contains(j.row, "yield"), crowdLocks
	if isYielding {
		total = crowdYields
	}
	each := max(j.share(total)/tasks, 2)
	var mutex sync.Mutex
	bodies := make([]func(), tasks)
	for i := range bodies {
		bodies[i] = func() {
			for i := 0; i < each; i++ {
				mutex.Lock()
				word++
				if isYielding {
					runtime.Gosched()
				}
				mutex.Unlock()
			}
		}
	}
	return j.per(tasks*each, func() { all(bodies) })
}

// match plays trips round trips, after a warm-up; the figure is for one way.
func match(j job, trips int, serve, answer func(int)) float64 {
	done := make(chan bool)
	go func() {
		for i := 0; i < warmTrips+trips; i++ {
			answer(i)
		}
		done <- true
	}()
	for i := 0; i < warmTrips; i++ {
		serve(i)
	}
	ns := j.per(2*trips, func() {
		for i := warmTrips; i < warmTrips+trips; i++ {
			serve(i)
		}
	})
	<-done
	return ns
}

func pingpong(j job) float64 {
	there, back := make(chan uint32), make(chan uint32)
	serve := func(int) { there <- 1; <-back }
	answer := func(int) { back <- <-there }
	return match(j, j.share(trips), serve, answer)
}

func limited(j job) float64 {
	there, back := make(chan uint32), make(chan uint32)
	wait := func(timer *time.Timer, balls chan uint32) uint32 {
		timer.Reset(far)
		select {
		case ball := <-balls:
			if !timer.Stop() {
				<-timer.C
			}
			return ball
		case <-timer.C:
			panic("too late")
		}
	}
	mine, theirs := time.NewTimer(far), time.NewTimer(far)
	serve := func(int) { there <- 1; wait(mine, back) }
	answer := func(int) { back <- wait(theirs, there) }
	return match(j, j.share(trips), serve, answer)
}

// cross keeps each player on a thread of its own.
func cross(j job) float64 {
	there, back := make(chan uint32), make(chan uint32)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	serve := func(int) { there <- 1; <-back }
	answer := func(i int) {
		if i == 0 {
			runtime.LockOSThread()
		}
		back <- <-there
	}
	return match(j, j.share(crossTrips), serve, answer)
}

func stream(j job, pairs, room int) float64 {
	each := max(j.share(items)/pairs, 1)
	line := make(chan uint64, room)
	var bodies []func()
	for i := 0; i < pairs; i++ {
		bodies = append(bodies, func() {
			for i := 0; i < each; i++ {
				line <- 1
			}
		}, func() {
			for i := 0; i < each; i++ {
				<-line
			}
		})
	}
	return j.per(pairs*each, func() { all(bodies) })
}

// event lets everybody wait, then lets all go by one call; per waiter until all have run.
func event(j job) float64 {
	count := j.share(waiters)
	set := make(chan bool)
	var waiting, done int64
	var group sync.WaitGroup
	group.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			defer group.Done()
			atomic.AddInt64(&waiting, 1)
			<-set
			atomic.AddInt64(&done, 1)
		}()
	}
	for atomic.LoadInt64(&waiting) < int64(count) {
		runtime.Gosched()
	}
	// With two workers the last ones may be between their mark and their wait.
	time.Sleep(time.Millisecond)
	ns := j.per(count, func() {
		close(set)
		for atomic.LoadInt64(&done) < int64(count) {
			runtime.Gosched()
		}
	})
	group.Wait()
	return ns
}

type lines [8]chan uint32

func newLines() *lines {
	var made lines
	for i := range made {
		made[i] = make(chan uint32, 1)
	}
	return &made
}

func two(l *lines) uint32 {
	select {
	case item := <-l[0]:
		return item
	case item := <-l[1]:
		return item
	}
}

func eight(l *lines) uint32 {
	select {
	case item := <-l[0]:
		return item
	case item := <-l[1]:
		return item
	case item := <-l[2]:
		return item
	case item := <-l[3]:
		return item
	case item := <-l[4]:
		return item
	case item := <-l[5]:
		return item
	case item := <-l[6]:
		return item
	case item := <-l[7]:
		return item
	}
}

func ready(j job, arms int, choose func(*lines) uint32) float64 {
	l, times := newLines(), j.share(selects)
	return j.per(times, func() {
		for i := 0; i < times; i++ {
			l[i%arms] <- 1
			choose(l)
		}
	})
}

func choosing(j job, arms int, choose func(*lines) uint32) float64 {
	there, back := newLines(), newLines()
	serve := func(i int) { there[i%arms] <- 1; choose(back) }
	answer := func(i int) { back[i%arms] <- choose(there) }
	return match(j, j.share(trips), serve, answer)
}

func answer(j job) {
	work, isKnown := rows[j.row]
	if strings.HasPrefix(j.row, "mutex-") {
		work, isKnown = crowd, true
	}
	ns := "null"
	if isKnown {
		runtime.GOMAXPROCS(j.workers)
		ns = strconv.FormatFloat(work(j), 'f', 3, 64)
	}
	fmt.Printf("{\"peer\":\"go\",\"row\":%q,\"ns\":%s}\n", j.row, ns)
}

func everything() {
	var names []string
	for row := range rows {
		names = append(names, row)
	}
	sort.Strings(names)
	for _, row := range names {
		workers := 1
		if strings.HasSuffix(row, "-2") && row != "select-2" || row == "cross" {
			workers = 2
		}
		answer(job{row, workers, 1})
	}
	for _, tasks := range []string{"64", "1000"} {
		for _, kind := range []string{"", "-yield"} {
			answer(job{"mutex-" + tasks + kind, 1, 1})
			answer(job{"mutex-" + tasks + kind + "-2", 2, 1})
		}
	}
}

func main() {
	if len(os.Args) == 1 {
		everything()
		return
	}
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sync-go [ROW WORKERS DIVISOR]")
		os.Exit(1)
	}
	workers, err := strconv.Atoi(os.Args[2])
	divisor, err2 := strconv.Atoi(os.Args[3])
	if err != nil || err2 != nil || workers < 1 || divisor < 1 {
		fmt.Fprintln(os.Stderr, "sync-go: numbers, please")
		os.Exit(1)
	}
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() {
		answer(job{os.Args[1], workers, divisor})
	}
}
