// Package loadreport shows what package load measured: as text, as Markdown, and as one HTML page with
// pictures that opens from disk and fetches nothing.
//
// A single run is shown with the medians of all measurements, and those that can be compared over a
// baseline's. A series is shown by how measurements grow.
package loadreport
