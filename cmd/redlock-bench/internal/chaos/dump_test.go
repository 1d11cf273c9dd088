package chaos
import ("testing";"time";"encoding/json";"os";"github.com/stretchr/testify/require";"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/cluster")
func TestDump(t *testing.T){
 r:=newRun(t,"guarded",cluster.Embedded,6*time.Second)
 o:=perform(t,r)
 h:=o.History
 h.Notes=nil; h.Faults=nil
 for i := range h.Operations { h.Operations[i].Error="" }
 var ops = h.Operations[:0]
 for _,x := range h.Operations { if x.OK { ops=append(ops,x) } }
 h.Operations=ops
 d,err:=json.MarshalIndent(map[string]any{"note":"Recorded under random faults on embedded nodes, without the refused operations: pauses made some writes late, and one was refused.","want":"held","history":h},""," ")
 require.NoError(t,err)
 t.Log(o.Linearizable, o.StaleRefused, len(h.Operations), len(d))
 require.NoError(t,os.WriteFile("/tmp/dump.json",d,0o644))
}
