package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	memberSession   = 10 * time.Second
	memberHeartbeat = 500 * time.Millisecond
)

// What became of a member, line by line; the lines are those of JavaMember.
type ledger struct {
	file  *os.File
	mutex sync.Mutex
	ahead map[int32]int64
}

func (l *ledger) assigned(partitions map[int32]bool) {
	var words []string
	for partition := range partitions {
		words = append(words, fmt.Sprint(partition))
	}
	slices.Sort(words)
	fmt.Fprintf(l.file, "assigned %s\n", strings.Join(words, " "))
}

func (l *ledger) record(partition int32, offset int64, value []byte) {
	fmt.Fprintf(l.file, "record %d %d %s\n", partition, offset, value)
}

// The partition's offset that the next answered commit covers.
func (l *ledger) next(partition int32, offset int64) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.ahead[partition] = offset
}

func (l *ledger) committed() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for partition, offset := range l.ahead {
		fmt.Fprintf(l.file, "committed %d %d\n", partition, offset)
	}
	clear(l.ahead)
}

func joinGroup(client library, arguments []string) error {
	if len(arguments) < 3 {
		return fmt.Errorf("usage: member BOOTSTRAP GROUP TOPIC LEDGER")
	}
	file, err := os.Create(arguments[2])
	if err != nil {
		return err
	}
	defer file.Close()
	told := &ledger{file: file, ahead: map[int32]int64{}}
	return client.member(untilInput(), arguments[0], arguments[1], told)
}

// A context that ends when stdin closes or says something.
func untilInput() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		os.Stdin.Read(make([]byte, 1))
		cancel()
	}()
	return ctx
}
