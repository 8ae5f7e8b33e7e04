// Command trillianmem runs Trillian's log server and sequencer in one process, with
// Trillian's memory storage, so that it writes no files.
//
// It makes two log trees, one for Rekor and one for the certificate log. The first
// line of its output is its port on 127.0.0.1 and the ids of the trees
// ("40123 7260713527423984523 1146301724402637145"). It then serves until it receives
// SIGINT or SIGTERM.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/client"
	"github.com/google/trillian/extension"
	trillianlog "github.com/google/trillian/log"
	"github.com/google/trillian/monitoring"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/server/admin"
	"github.com/google/trillian/server/interceptor"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/util/clock"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"
	"k8s.io/klog/v2"
)

const (
	sequencePeriod = 50 * time.Millisecond
	sequenceBatch  = 100
	maxRootAge     = time.Hour
)

func main() {
	// The memory storage logs a warning whenever the sequencer has nothing to do.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatalf("trillianmem: %v", err)
	}
}

// run serves until ctx is done.
func run(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	registry := newRegistry()
	go sequence(ctx, registry)
	srv := newServer(registry)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	defer srv.Stop()

	var ids [2]int64
	for i := range ids {
		if ids[i], err = newTree(ctx, listener.Addr().String()); err != nil {
			return fmt.Errorf("make a tree: %w", err)
		}
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port, ids[0], ids[1])
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return nil
	}
}

func newRegistry() extension.Registry {
	trees := memory.NewTreeStorage()
	return extension.Registry{
		AdminStorage: memory.NewAdminStorage(trees),
		LogStorage:   memory.NewLogStorage(trees, monitoring.InertMetricFactory{}),
		QuotaManager: quota.Noop(),
	}
}

func newServer(registry extension.Registry) *grpc.Server {
	srv := grpc.NewServer(grpc.UnaryInterceptor(interceptor.ErrorWrapper))
	trillian.RegisterTrillianAdminServer(srv, admin.New(registry, nil))
	trillian.RegisterTrillianLogServer(srv, server.NewTrillianLogRPCServer(registry, clock.System))
	return srv
}

// sequence integrates queued leaves until ctx is done.
func sequence(ctx context.Context, registry extension.Registry) {
	info := trillianlog.OperationInfo{
		Registry:    registry,
		BatchSize:   sequenceBatch,
		NumWorkers:  1,
		RunInterval: sequencePeriod,
		TimeSource:  clock.System,
	}
	trillianlog.NewOperationManager(info, trillianlog.NewSequencerManager(registry, 0)).OperationLoop(ctx)
}

// newTree creates and initialises a log tree on the server at addr, and returns its id.
func newTree(ctx context.Context, addr string) (int64, error) {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	request := &trillian.CreateTreeRequest{Tree: &trillian.Tree{
		TreeType:        trillian.TreeType_LOG,
		TreeState:       trillian.TreeState_ACTIVE,
		MaxRootDuration: durationpb.New(maxRootAge),
	}}
	tree, err := client.CreateAndInitTree(ctx, request,
		trillian.NewTrillianAdminClient(conn), trillian.NewTrillianLogClient(conn))
	if err != nil {
		return 0, err
	}
	return tree.GetTreeId(), nil
}
