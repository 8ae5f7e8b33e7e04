package bundle

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// manifest fetches a manifest by tag or digest, within its budget.
func (c *collector) manifest(ctx context.Context, repo, tagOrDigest string) (d oci.Descriptor, err error) {
	raw, mediaType, err := c.src.Manifest(ctx, repo, tagOrDigest)
	if err != nil {
		return d, err
	}
	d = describe(mediaType, raw)
	if strings.Contains(tagOrDigest, ":") && string(d.Digest) != tagOrDigest {
		return d, fmt.Errorf("the registry answered with another manifest than %s: %w", tagOrDigest, digestFault(oci.Digest(tagOrDigest), d.Digest))
	}
	if d.Size > c.req.Limits.Manifest {
		return d, &check.Fault{ID: check.LimitManifest, Subject: string(d.Digest), Detail: "the manifest is over its budget", Expected: fmt.Sprintf("at most %d bytes", c.req.Limits.Manifest), Found: fmt.Sprintf("%d bytes", d.Size)}
	}
	return d, c.hold(d, raw)
}

// hold keeps metadata in memory, within the budget for all of it.
func (c *collector) hold(d oci.Descriptor, raw []byte) error {
	if _, ok := c.meta[d.Digest]; ok {
		return nil
	}
	if c.held += d.Size; c.held > c.req.Limits.Metadata {
		return fmt.Errorf("metadata is over its budget of %d bytes; export fewer images per bundle or raise --limit metadata", c.req.Limits.Metadata)
	}
	c.meta[d.Digest] = raw
	return nil
}

// metadata fetches a blob that is held in memory, checked against its digest.
func (c *collector) metadata(ctx context.Context, repo string, d oci.Descriptor, max int64) error {
	if _, ok := c.meta[d.Digest]; ok || d.Digest == oci.EmptyDigest {
		return nil
	}
	if d.Size > max {
		return fmt.Errorf("blob %s (%.100q) has %d bytes, over the budget of %d", d.Digest, d.MediaType, d.Size, max)
	}
	rc, err := c.src.Blob(ctx, repo, d)
	if err != nil {
		return err
	}
	defer rc.Close()
	raw, err := io.ReadAll(io.LimitReader(rc, d.Size+1))
	if err != nil {
		return fmt.Errorf("blob %s: %w", d.Digest, err)
	}
	if got := oci.FromBytes(raw); got != d.Digest {
		return fmt.Errorf("the registry answered with another blob than %s: %w", d.Digest, digestFault(d.Digest, got))
	}
	return c.hold(d, raw)
}
