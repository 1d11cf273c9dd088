// Package cli is what the commands of this module have in common: exit statuses, where output goes, and how
// servers are given.
//
// Passwords show up in no message that goes through [Exit].
package cli
