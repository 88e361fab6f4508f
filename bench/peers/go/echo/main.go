// echo [READ_BYTES]: a goroutine for each connection.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
)

func echo(conn net.Conn, readBytes int) {
	defer conn.Close()
	buffer := make([]byte, readBytes)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err := conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func main() {
	readBytes := 65536
	if len(os.Args) > 1 {
		var err error
		if readBytes, err = strconv.Atoi(os.Args[1]); err != nil {
			log.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go echo(conn, readBytes)
	}
}
