package tetragon

import (
	"strings"

	"github.com/tocsin-dev/tocsin/internal/ingest/decode"
	"github.com/tocsin-dev/tocsin/internal/ingest/text"
)

// argument is one argument of a function: one of these.
type argument struct {
	String     decode.Scalar `json:"string_arg"`
	Int        decode.Scalar `json:"int_arg"`
	File       named         `json:"file_arg"`
	Path       named         `json:"path_arg"`
	Binary     named         `json:"linux_binprm_arg"`
	Module     named         `json:"module_arg"`
	Capability named         `json:"capability_arg"`
	Socket     connection    `json:"sock_arg"`
	Packet     connection    `json:"skb_arg"`
	Address    struct {
		Addr decode.Scalar `json:"addr"`
		Port decode.Scalar `json:"port"`
	} `json:"sockaddr_arg"`
}

// named has a path, or a name.
type named struct {
	Path decode.Scalar `json:"path"`
	Name decode.Scalar `json:"name"`
}

type connection struct {
	Source          decode.Scalar `json:"saddr"`
	Destination     decode.Scalar `json:"daddr"`
	DestinationPort decode.Scalar `json:"dport"`
}

// file is the path of a file. Versions before 1.0 left out the slash in front.
func (a argument) file() string {
	for _, f := range []named{a.File, a.Path, a.Binary} {
		if path := text.Line(string(f.Path), maxWord); path != "" {
			return "/" + strings.TrimPrefix(path, "/")
		}
	}
	return ""
}

// peers are the addresses of a connection, and the port that it goes to.
func (a argument) peers() (source, destination, port string) {
	for _, c := range []connection{a.Socket, a.Packet, {Destination: a.Address.Addr, DestinationPort: a.Address.Port}} {
		if c.Destination != "" {
			return text.Line(string(c.Source), maxWord), text.Line(string(c.Destination), maxWord), text.Line(string(c.DestinationPort), maxWord)
		}
	}
	return "", "", ""
}

// lasting is what an argument says that is the same the next time: no numbers,
// which are file descriptors, sizes and flags, and no ports.
func (a argument) lasting() string {
	if file := a.file(); file != "" {
		return file
	}
	if source, destination, _ := a.peers(); destination != "" {
		return source + "->" + destination
	}
	for _, name := range []decode.Scalar{a.Module.Name, a.Capability.Name, a.String} {
		if name := text.Line(string(name), maxWord); name != "" {
			return name
		}
	}
	return ""
}

// told is an argument as a person reads it. Data that was written or sent is
// left out: it can be anybody's.
func (a argument) told() string {
	if _, destination, port := a.peers(); destination != "" {
		return destination + ":" + port
	}
	if lasting := a.lasting(); lasting != "" {
		return lasting
	}
	return text.Line(string(a.Int), maxWord)
}
