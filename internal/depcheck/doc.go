// Package depcheck consists of tests of how packages depend on each other:
//
//   - packages that verify cannot reach a network or start a program;
//   - imports run in one direction, as a table says;
//   - nothing that only tests need is linked into gapseal, which stays small
//     enough to be reviewed;
//   - exported signatures name no type of an internal package, so that other
//     modules can use them.
package depcheck
