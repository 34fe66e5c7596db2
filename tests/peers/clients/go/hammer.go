package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// How long the sender of a partition may try one record.
const hammerPatience = 100 * time.Second

// Sends the numbers 0, 1, 2, ... round robin over the partitions, each partition's one after the
// other, until stdin closes. The ledger is that of JavaHammer.
func hammer(client library, arguments []string) error {
	if len(arguments) < 4 {
		return fmt.Errorf("usage: hammer BOOTSTRAP TOPIC PARTITIONS LEDGER PAUSE_MS")
	}
	topic := arguments[0]
	partitions, err := strconv.Atoi(arguments[1])
	if err != nil {
		return err
	}
	pause, err := strconv.Atoi(arguments[3])
	if err != nil {
		return err
	}
	file, err := os.Create(arguments[2])
	if err != nil {
		return err
	}
	stopped := untilInput()
	var all sync.WaitGroup
	failures := make(chan error, partitions)
	for partition := range partitions {
		send, err := client.sender(topic, int32(partition))
		if err != nil {
			return err
		}
		all.Go(func() {
			for number := partition; stopped.Err() == nil; number += partitions {
				watch := time.AfterFunc(hammerPatience, func() { failures <- fmt.Errorf("stuck") })
				offset, err := send([]byte(fmt.Sprintf("go %012d", number)))
				watch.Stop()
				if err != nil {
					fmt.Fprintf(file, "fail %d %d %v\n", number, partition, err)
				} else {
					fmt.Fprintf(file, "ack %d %d %d\n", number, partition, offset)
				}
				time.Sleep(time.Duration(pause*partitions) * time.Millisecond)
			}
		})
	}
	done := make(chan error, 1)
	go func() { all.Wait(); done <- file.Close() }()
	select {
	case err := <-done:
		return err
	case err := <-failures:
		return err
	}
}
