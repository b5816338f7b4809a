package guardduty

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-dev/tocsin/internal/engine/model"
	"github.com/tocsin-dev/tocsin/internal/ingest/entity"
)

// compromisedCluster is a sequence as EventBridge has it.
const compromisedCluster = `{"id": "s1", "type": "AttackSequence:EKS/CompromisedCluster", "severity": 9.5, "title": "A cluster may be compromised",
  "description": "Signals mapped to T1526 - Cloud Service Discovery, T1078.004 - Cloud Accounts", "resource": {"resourceType": "AttackSequence"},
  "service": {"serviceName": "guardduty", "detection": {"sequence": {"uid": "s1", "description": "x",
    "actors": [
      {"id": "a1", "user": {"name": "system:serviceaccount:shop:cart", "uid": "u1", "type": "KubernetesUser"}, "process": {"name": "xmrig", "path": "/tmp/xmrig", "sha256": "` + digest + `"}},
      {"id": "a2", "user": {"name": "ann", "uid": "AIDAX", "type": "AssumedRole", "credentialUid": "ASIAX"},
        "session": {"uid": "ASIAX", "mfaStatus": "DISABLED", "issuer": "arn:aws:iam::111122223333:role/deploy"}},
      {"id": "a3", "user": {"name": "", "uid": "AROAY:session", "type": "AssumedRole"}}],
    "endpoints": [
      {"id": "e1", "ip": "203.0.113.7", "port": 443, "connection": {"direction": "INBOUND"}},
      {"id": "e2", "ip": "203.0.113.8", "domain": "pool.example", "connection": {"direction": "OUTBOUND"}},
      {"id": "e3", "ip": "2001:db8::1"}],
    "resources": [
      {"uid": "arn:aws:eks:eu-west-1:111122223333:cluster/prod", "name": "prod", "resourceType": "EKS_CLUSTER", "data": {"eksCluster": {"status": "ACTIVE", "ec2InstanceUids": ["i-0abc"]}}},
      {"uid": "w1", "name": "cart", "resourceType": "KUBERNETES_WORKLOAD", "data": {"kubernetesWorkload": {"kubernetesResourcesTypes": "DEPLOYMENTS", "namespace": "shop", "containerUids": ["c1"]}}},
      {"uid": "5892b41bcf46aabbccdd", "name": "cart", "resourceType": "CONTAINER", "data": {"container": {"image": "docker.io/library/cart:1"}}},
      {"uid": "arn:aws:ec2:eu-west-1:111122223333:instance/i-0abc", "resourceType": "EC2_INSTANCE", "data": {"ec2Instance": {"ec2NetworkInterfaceUids": ["eni-1"]}}},
      {"uid": "vpc-1", "resourceType": "EC2_VPC", "data": {}},
      {"uid": "ASIAZ", "resourceType": "ACCESS_KEY", "data": {"accessKey": {"principalId": "AIDAB", "userName": "bea"}}},
      {"uid": "arn:aws:s3:::b", "name": "b", "resourceType": "S3_BUCKET", "data": {"s3Bucket": {"s3ObjectUids": ["arn:aws:s3:::b/x"]}}},
      {"uid": "w2", "resourceType": "KUBERNETES_WORKLOAD"}],
    "sequenceIndicators": [{"key": "ATTACK_TACTIC", "values": ["Exfiltration"]}, {"key": "ATTACK_TECHNIQUE", "values": ["T1530 - Data"]}, {"key": "HIGH_RISK_API", "values": ["Impact"]}]}}}}`

// compromisedData is one as Security Hub has it.
const compromisedData = `{"SchemaVersion": "2018-10-08", "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/guardduty", "ProductName": "GuardDuty",
  "Id": "arn:aws:guardduty:eu-west-1:1:detector/d/finding/s2", "Types": ["TTPs/AttackSequence:S3/CompromisedData"], "Title": "Data may be compromised",
  "Severity": {"Label": "CRITICAL"}, "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::b"}],
  "Detection": {"Sequence": {"Uid": "s2",
    "Actors": [{"Id": "a1", "User": {"Name": "ann", "Type": "IAMUser", "Uid": "AIDAX", "CredentialUid": "ASIAX"}, "Session": {"MfaStatus": "DISABLED"}}],
    "Endpoints": [{"Id": "e1", "Ip": "203.0.113.7", "Port": 443, "Connection": {"Direction": "INBOUND"}}],
    "SequenceIndicators": [{"Key": "ATTACK_TACTIC", "Values": ["Exfiltration"]}, {"Key": "ATTACK_TECHNIQUE", "Values": ["T1530"]}]}}}`

var member = regexp.MustCompile(`"\w+":`)

// asAPI spells the members of a finding as the API does: "Id", "SequenceIndicators".
func asAPI(event string) string {
	return member.ReplaceAllStringFunc(event, func(name string) string { return `"` + strings.ToUpper(name[1:2]) + name[2:] })
}

func TestSequence(t *testing.T) {
	cluster := []model.Entity{
		asset(model.KindCluster, "prod", model.RoleAttacked),
		asset(model.KindServiceAccount, "shop/cart", model.RoleAttacker),
		evidence(model.KindFile, "sha256:"+digest, model.RoleSuspicious),
		evidence(model.KindIP, "203.0.113.7", model.RoleSource),
		asset(model.KindWorkload, "shop/Deployment/cart", model.RoleAttacked),
		asset(model.KindUser, "ann", model.RoleAttacker),
		asset(model.KindCloudResource, "ASIAX", model.RoleCompromised),
		asset(model.KindCloudResource, "arn:aws:iam::111122223333:role/deploy", model.RoleCompromised),
		evidence(model.KindIP, "203.0.113.8", model.RoleDestination),
		evidence(model.KindDomainName, "pool.example", model.RoleDestination),
		asset(model.KindContainer, "5892b41bcf46", model.RoleAttacked),
		evidence(model.KindImage, "cart:1", model.RoleContextual),
		asset(model.KindUser, "AROAY:session", model.RoleAttacker),
		evidence(model.KindIP, "2001:db8::1", model.RoleSource),
		asset(model.KindCloudResource, "i-0abc", model.RoleAttacked),
		asset(model.KindCloudResource, "vpc-1", model.RoleContextual),
		asset(model.KindCloudResource, "ASIAZ", model.RoleCompromised),
		asset(model.KindUser, "bea", model.RoleAttacker),
		asset(model.KindCloudResource, "arn:aws:s3:::b", model.RoleAttacked),
		asset(model.KindCloudResource, "w2", model.RoleAttacked),
	}
	for name, tc := range map[string]struct {
		event, rule string
		techniques  []string
		entities    []model.Entity
	}{
		"EventBridge": {compromisedCluster, "AttackSequence:EKS/CompromisedCluster", []string{"T1078.004", "T1526", "T1530"}, cluster},
		"the API":     {asAPI(compromisedCluster), "AttackSequence:EKS/CompromisedCluster", []string{"T1078.004", "T1526", "T1530"}, cluster},
		"Security Hub": {compromisedData, "AttackSequence:S3/CompromisedData", []string{"T1530"}, []model.Entity{
			asset(model.KindCloudResource, "arn:aws:s3:::b", model.RoleAttacked),
			asset(model.KindUser, "ann", model.RoleAttacker),
			asset(model.KindCloudResource, "ASIAX", model.RoleCompromised),
			evidence(model.KindIP, "203.0.113.7", model.RoleSource),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := decodeOne(t, tc.event).Alert
			if got.Rule != tc.rule || !cmp.Equal(got.Techniques, tc.techniques) || !cmp.Equal(got.Tactics, []model.Tactic{model.TacticExfiltration}) {
				t.Errorf("%s %v %v", got.Rule, got.Techniques, got.Tactics)
			}
			if diff := cmp.Diff(tc.entities, got.Entities); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestManyResources: who did it, and from where, is named however many resources
// there are.
func TestManyResources(t *testing.T) {
	var resources strings.Builder
	for i := range 400 {
		fmt.Fprintf(&resources, `{"uid":"r%d","resourceType":"S3_OBJECT"},`, i)
	}
	got := decodeOne(t, `{"id":"1","title":"t","service":{"detection":{"sequence":{"resources":[`+strings.TrimSuffix(resources.String(), ",")+`],
		"actors":[{"user":{"name":"ann"}}],"endpoints":[{"ip":"203.0.113.7"}]}}}}`).Alert.Entities
	if len(got) < entity.MaxEntities {
		t.Errorf("%d entities, want at least %d", len(got), entity.MaxEntities)
	}
	want := []model.Entity{
		asset(model.KindCloudResource, "r0", model.RoleAttacked),
		asset(model.KindUser, "ann", model.RoleAttacker),
		evidence(model.KindIP, "203.0.113.7", model.RoleSource),
	}
	if diff := cmp.Diff(want, got[:3]); diff != "" {
		t.Error(diff)
	}
}
