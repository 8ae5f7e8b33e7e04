package main

import (
	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/verify"
)

// beside returns another flag that was given, if there is one.
func (v *verifyRun) beside(only string) (other string) {
	v.flags.Visit(func(f *pflag.Flag) {
		if f.Name != only {
			other = f.Name
		}
	})
	return other
}

// prepare reads everything that the verification needs but the bundle.
func (v *verifyRun) prepare(path string, std stdio) (verify.Options, error) {
	o, err := v.options(pinKey)
	if err != nil {
		return o, err
	}
	if err := v.apart(v.outputs(), &o); err != nil {
		return o, err
	}
	o.Deep, o.Path = v.deep, path
	sealers, err := publicKeys("--seal-key", v.sealKeys)
	if err != nil {
		return o, err
	}
	if o.SealKeys, err = joinSealKeys(o.SealKeys, sealers); err != nil {
		return o, err
	}
	if v.register != "" {
		if v.known, err = openRegister(v.register); err != nil {
			return o, err
		}
		if _, _, _, err := v.known.HighWater("", ""); err != nil {
			return o, err // damaged: there is no verdict that could be trusted and recorded
		}
		o.Known = newFreshRegister(v.register)
	} else if o.Policy != nil && o.Policy.RefuseRollback {
		return o, usagef("the policy refuses what is older than a register knows: name it with --register DIR")
	}
	return o, v.transfer.parse(&o, std)
}
