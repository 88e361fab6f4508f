// net/http as a user writes it: `hello PORT` answers GET / and GET /page.
package main

import (
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func main() {
	page := strings.Repeat("x", 13_000)
	answer := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			io.WriteString(w, text)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", answer("Hello, World!"))
	mux.HandleFunc("/page", answer(page))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], mux))
}
