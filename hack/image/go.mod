module github.com/tocsin-dev/tocsin/hack/image

go 1.26.0
