// Package greeterpb is the greeter's API in Go, made from proto/slipway/greeter/v1/greeter.proto. The plug-ins are tools of this
// module, at the versions go.mod locks; protoc is Debian's protobuf-compiler. The result is committed, so a build needs neither.
package greeterpb

//go:generate sh -ec "protoc -I ../../proto --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --plugin=protoc-gen-go-grpc=$(go tool -n protoc-gen-go-grpc) --go_out=../.. --go_opt=module=slipway.dev/apps/greeter --go-grpc_out=../.. --go-grpc_opt=module=slipway.dev/apps/greeter slipway/greeter/v1/greeter.proto"
