// Reading a whole hash map in Go, with cilium/ebpf: by its iterator, and in batches.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/cilium/ebpf"
)

type event struct {
	Pid, Uid uint32
	Ts       uint64
	Comm     [16]byte
	Cookie   uint64
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func sumOf(key uint32, e *event) uint64 {
	comm := bytes.IndexByte(e.Comm[:], 0)
	return uint64(key) + uint64(e.Pid) + uint64(e.Uid) + e.Ts + uint64(comm) + e.Cookie
}

func iterator(table *ebpf.Map) (sum uint64) {
	var key uint32
	var e event
	entries := table.Iterate()
	for entries.Next(&key, &e) {
		sum += sumOf(key, &e)
	}
	must(entries.Err())
	return sum
}

func batches(table *ebpf.Map) (sum uint64) {
	keys := make([]uint32, 4096)
	values := make([]event, 4096)
	var position, next uint32
	var start interface{}
	for {
		n, err := table.BatchLookup(start, &next, keys, values, nil)
		for i := 0; i < n; i++ {
			sum += sumOf(keys[i], &values[i])
		}
		if errors.Is(err, ebpf.ErrKeyNotExist) {
			return sum
		}
		must(err)
		position = next
		start = position
	}
}

func main() {
	count, err := strconv.Atoi(os.Args[2])
	must(err)
	repeats, err := strconv.Atoi(os.Args[3])
	must(err)
	spec, err := ebpf.LoadCollectionSpec(os.Args[1])
	must(err)
	spec.Programs["produce"].Flags = 1 << 4 // sleepable, which this version does not know
	object, err := ebpf.NewCollection(spec)
	must(err)
	state := make([]byte, spec.Maps[".bss"].ValueSize)
	binary.LittleEndian.PutUint64(state, uint64(count))
	must(object.Maps[".bss"].Put(uint32(0), state))
	_, err = object.Programs["produce"].Run(&ebpf.RunOptions{})
	must(err)

	iterate := func(what string, fn func(*ebpf.Map) uint64) {
		start := time.Now()
		sum := fn(object.Maps["table"])
		elapsed := float64(time.Since(start).Nanoseconds())
		fmt.Printf("%s\t%.2f\t%d\n", what, elapsed/float64(count), sum)
	}
	for i := 0; i < repeats; i++ {
		iterate("in batches", batches)
		iterate("one by one", iterator)
	}
}
