// Go's net/http as plaintext server for `bench http`: `http-go PORT`, with GOMAXPROCS=1 from who starts it.
//
// Connections have TCP_NODELAY, which is Go's default; Content-Length and Date are set by net/http.

package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: http-go PORT")
		os.Exit(1)
	}
	body := []byte("Hello, World!")
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"text/plain"}
		w.Write(body)
	})
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Args[1])
	if err == nil {
		err = http.Serve(listener, nil)
	}
	fmt.Fprintln(os.Stderr, "http-go:", err)
	os.Exit(1)
}
