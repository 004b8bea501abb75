{{/* What every object of a part is found by: dict "root" $ "part" "node". */}}
{{- define "keyledger.selector" -}}
app.kubernetes.io/name: keyledger
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "keyledger.labels" -}}
{{ include "keyledger.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "keyledger.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* A Pod that is nobody in particular, to whose group the files of its Secret belong. */}}
{{- define "keyledger.pod-security" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "keyledger.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "keyledger.mounts" -}}
- { name: configuration, mountPath: /etc/keyledger/keyledger.toml, subPath: keyledger.toml, readOnly: true }
- { name: secrets, mountPath: /etc/keyledger/secrets, readOnly: true }
{{- end }}

{{/* dict "root" $ "secret" NAME */}}
{{- define "keyledger.volumes" -}}
- { name: configuration, configMap: { name: {{ .root.Release.Name }}-configuration } }
- { name: secrets, secret: { secretName: {{ .secret }}, defaultMode: 0440 } }
{{- end }}

{{/* A Deployment: dict "root" $ "part" "node" "roles" "node" "own" .Values.node "port" (dict "name" "public" "number" 8080). */}}
{{- define "keyledger.deployment" -}}
{{- $values := .root.Values -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .root.Release.Name }}-{{ .part }}
  labels: {{- include "keyledger.labels" . | nindent 4 }}
spec:
  replicas: {{ .own.replicas }}
  selector:
    matchLabels: {{- include "keyledger.selector" . | nindent 6 }}
  # Each new Pod is ready before an old one ends.
  strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
  template:
    metadata:
      labels: {{- include "keyledger.labels" . | nindent 8 }}
      annotations:
        checksum/configuration: {{ $values.configuration | sha256sum }}
    spec:
      # A Service called `keyledger` would otherwise put variables like KEYLEDGER_PORT into the Pod, which are no
      # configuration keys and stop the start.
      enableServiceLinks: false
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      securityContext: {{- include "keyledger.pod-security" . | nindent 8 }}
      {{- with $values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .own.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .own.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels: {{- include "keyledger.selector" . | nindent 14 }}
      containers:
        - name: keyledger
          image: {{ include "keyledger.image" .root | quote }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          args: [serve, --config, /etc/keyledger/keyledger.toml, --roles, {{ .roles | quote }}]
          env:
            - { name: KEYLEDGER_FLEET__NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
          ports:
            - { name: {{ .port.name }}, containerPort: {{ .port.number }} }
            - { name: metrics, containerPort: 9464 }
          # Never /readyz: a process that can't prove to be fresh is not helped by a restart.
          livenessProbe:
            httpGet: { path: /livez, port: metrics }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: { path: /readyz, port: metrics }
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 2
          resources: {{- toYaml .own.resources | nindent 12 }}
          securityContext: {{- include "keyledger.container-security" . | nindent 12 }}
          volumeMounts: {{- include "keyledger.mounts" . | nindent 12 }}
      volumes: {{- include "keyledger.volumes" (dict "root" .root "secret" .own.secret) | nindent 8 }}
{{- end }}

{{/* A Service and a PodDisruptionBudget for the same. */}}
{{- define "keyledger.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .root.Release.Name }}-{{ .part }}
  labels: {{- include "keyledger.labels" . | nindent 4 }}
spec:
  selector: {{- include "keyledger.selector" . | nindent 4 }}
  ports: [{ name: {{ .port.name }}, port: 80, targetPort: {{ .port.name }} }]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .root.Release.Name }}-{{ .part }}
  labels: {{- include "keyledger.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- include "keyledger.selector" . | nindent 6 }}
{{- end }}
