// Draining a ring in Go, with cilium/ebpf: fields read by hand, and by encoding/binary.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
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

func byHand(b []byte, e *event) {
	e.Pid = binary.LittleEndian.Uint32(b)
	e.Uid = binary.LittleEndian.Uint32(b[4:])
	e.Ts = binary.LittleEndian.Uint64(b[8:])
	copy(e.Comm[:], b[16:32])
	e.Cookie = binary.LittleEndian.Uint64(b[32:])
}

func byType(b []byte, e *event) {
	must(binary.Read(bytes.NewReader(b), binary.LittleEndian, e))
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
	ring, err := ringbuf.NewReader(object.Maps["ring"])
	must(err)

	warmUp := 3 // as in bench.h
	for i := 0; i < warmUp; i++ {
		_, err := object.Programs["produce"].Run(&ebpf.RunOptions{})
		must(err)
		var record ringbuf.Record
		for i := 0; i < count; i++ {
			must(ring.ReadInto(&record))
		}
	}

	drain := func(what string, decode func([]byte, *event)) {
		_, err := object.Programs["produce"].Run(&ebpf.RunOptions{})
		must(err)
		var record ringbuf.Record
		var e event
		var sum uint64
		start := time.Now()
		for i := 0; i < count; i++ {
			must(ring.ReadInto(&record))
			decode(record.RawSample, &e)
			comm := bytes.IndexByte(e.Comm[:], 0)
			sum += uint64(e.Pid) + uint64(e.Uid) + e.Ts + uint64(comm) + e.Cookie
		}
		elapsed := float64(time.Since(start).Nanoseconds())
		fmt.Printf("%s\t%.2f\t%d\n", what, elapsed/float64(count), sum)
	}
	type group struct{ count, sum uint64 }
	byName := func() {
		_, err := object.Programs["produce"].Run(&ebpf.RunOptions{})
		must(err)
		var record ringbuf.Record
		groups := map[[16]byte]*group{}
		start := time.Now()
		for i := 0; i < count; i++ {
			must(ring.ReadInto(&record))
			var name [16]byte
			copy(name[:], record.RawSample[16:32])
			g := groups[name]
			if g == nil {
				g = &group{}
				groups[name] = g
			}
			g.count++
			g.sum += binary.LittleEndian.Uint64(record.RawSample[32:])
		}
		elapsed := float64(time.Since(start).Nanoseconds())
		var sum uint64
		for _, g := range groups {
			sum += g.count + g.sum
		}
		fmt.Printf("counts by name\t%.2f\t%d\n", elapsed/float64(count), sum)
	}
	for i := 0; i < repeats; i++ {
		drain("five fields", byHand)
		drain("whole event", byType)
		byName()
	}
}
