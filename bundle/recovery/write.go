package recovery

import (
	"context"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
)

// Write writes a plan as [volume.Target.Write] does, in volumes or in one file,
// and with it recovery volumes from which up to percent (1 to 100) of the bundle
// can be rebuilt. If percent is 0, it writes none.
func Write(ctx context.Context, plan *bundle.Plan, fetch bundle.Fetch, t volume.Target, percent int) error {
	if percent == 0 {
		return t.Write(ctx, plan, fetch)
	}
	x, sizes, err := Plan(plan.Size, percent, t.Each)
	if err != nil {
		return err
	}
	if err := volume.CheckStale(t.Base.Recovery(len(sizes) + 1)); err != nil {
		return err
	}
	p := &protection{x: x, base: t.Base, progress: orQuiet(t.Progress)}
	t.Protect = p.write
	return t.Write(ctx, plan, fetch)
}

// Work returns how many bytes [Write] reports to t.Progress.
func Work(plan *bundle.Plan, t volume.Target, percent int) int64 {
	n := t.Work(plan)
	if g, err := newGeometry(plan.Size, percent); err == nil {
		n += g.block() * int64(g.Data)
	}
	return n
}

// protection is the recovery of a bundle that is being written.
type protection struct {
	x        *Index
	base     volume.Base
	progress func(int64)
}

// write adds the recovery volumes and their index to a set whose data volumes are
// written, and names that index in the index of volumes.
func (p *protection) write(ctx context.Context, out *volume.Output, data []volume.File, volumes *volume.Index) error {
	x := p.x
	s, err := newSet(x, p.base)
	if err != nil {
		return err
	}
	var parity []volume.File
	for _, f := range s.parity() {
		file, err := out.Create(f.name, f.size)
		if err != nil {
			return err
		}
		parity = append(parity, file)
	}
	x.Whole.Digest = volumes.Whole.Digest
	if err := x.Encode(ctx, volume.NewSpan(data), volume.NewSpan(parity), p.progress); err != nil {
		return err
	}
	raw, err := x.Marshal()
	if err != nil {
		return err
	}
	end := tail(raw)
	for i, f := range s.parity() {
		if _, err := parity[i].WriteAt(end, f.size); err != nil {
			return err
		}
	}
	volumes.Recovery = &volume.Recovery{Digest: oci.FromBytes(raw), Data: x.Data, Parity: x.Parity}
	return out.Document(p.base.RecoveryIndex(), raw)
}
